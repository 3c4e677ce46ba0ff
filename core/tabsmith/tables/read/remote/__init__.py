"""Tables that lie elsewhere: on database servers and on the web, by their addresses."""
