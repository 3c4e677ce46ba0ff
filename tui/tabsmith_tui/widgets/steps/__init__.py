"""The guided steps, one module each. A view shows the form of a workflow state and posts the person's actions."""
