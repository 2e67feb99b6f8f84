//! The state machines, the template, the messages, and the pages, as data: no simulator runs.

mod docs;
mod messages;
mod pictures;
mod state_machine;
mod template;
