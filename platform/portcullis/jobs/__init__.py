"""Long work: batches in chunks, and the executors that do them."""
