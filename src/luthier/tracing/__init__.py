"""What happens inside a model, stage by stage."""
