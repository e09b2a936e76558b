"""The reference that a model is compared with: fitted once from training or validation data, as sums."""
