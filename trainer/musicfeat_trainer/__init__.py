"""Pretrain music encoders by self-supervision, and evaluate them."""
