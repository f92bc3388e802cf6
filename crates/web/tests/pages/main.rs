//! The pages end to end: the real router over a real store and archive with a made-up past.

mod farm;
mod forms;
mod got;
mod hostile;
mod past;
mod shown;
