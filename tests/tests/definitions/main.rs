//! The state machines, the template, the messages, and the pages, as data: no simulator runs.

mod diagrams;
mod docs;
mod messages;
mod state_machine;
mod template;
