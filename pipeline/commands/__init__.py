"""What people type after `taskloom`: one module per command, heavy imports inside its function."""
