"""The dock "Cement plan": choose a CT, plan, read the plan."""
