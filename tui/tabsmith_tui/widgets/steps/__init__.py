"""The guided steps, one view each: what a form of the workflow looks like, and the answers a person gives to it."""
