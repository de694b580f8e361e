"""The only code that knows Azure. Each adapter fulfils a port; none knows another, a use case or a decision."""
