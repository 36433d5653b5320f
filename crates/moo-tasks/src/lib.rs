//! When programs run: tasks, queues and attempts.
