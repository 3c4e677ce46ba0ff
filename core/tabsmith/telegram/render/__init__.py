"""What is shown on a phone, as data: steps, runs, questions, results, lists. Pure; nothing is sent here."""
