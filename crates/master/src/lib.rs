//! The imperative shell, in the order in which a change travels: intake, schedule, dispatch, session,
//! build, settle, janitor. It carries decisions out and makes none.

pub mod intake;
