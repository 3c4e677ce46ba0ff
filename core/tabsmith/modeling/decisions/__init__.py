"""What is made of a model's predictions: calibrated probabilities, labels by a threshold or by costs, intervals."""
