//! Changes come in: the poller and its git.
