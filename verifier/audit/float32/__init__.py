"""The float32 program in several orders, on inputs that nearly tie."""
