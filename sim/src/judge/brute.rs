//! The oracle of the core's tests, which shares no code with the matcher: one file each, several
//! programs.

#[allow(dead_code, reason = "the core's tests use more of it")]
#[path = "../../../crates/core/tests/matcher/in_order.rs"]
pub(super) mod in_order;
#[allow(dead_code, reason = "the core's tests use more of it")]
#[path = "../../../crates/core/tests/matcher/oracle.rs"]
mod oracle;
#[allow(dead_code, reason = "the core's tests use more of it")]
#[path = "../../../crates/core/tests/matcher/world.rs"]
pub(super) mod world;
#[allow(dead_code, reason = "the core's tests use more of it")]
#[path = "../../../crates/core/tests/matcher/written.rs"]
pub(super) mod written;
