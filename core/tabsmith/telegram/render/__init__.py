"""What is shown on a phone, as data: prompts, runs, questions, results, lists. Pure; nothing is sent here."""
