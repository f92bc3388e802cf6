//! The pages: rendered here, live by the API's streams, styled and moved by a few plain files.
//!
//! A page is one read section, a pure view (`view`) and a template. What is absent: changes of
//! state (forms send commands), scripts within pages, hosts other than our own.

mod answer;
mod asset;
mod forms;
mod load;
mod pages;
mod routes;
mod template;
mod view;

pub use answer::problem;
pub use routes::routes;
