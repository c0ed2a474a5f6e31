"""Trade series: the LSTM autoencoder over unit values."""
