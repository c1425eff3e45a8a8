"""What breaks around a batch: processes, connections, databases, disks; a real server over HTTP."""
