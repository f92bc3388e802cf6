//! Local workers.
