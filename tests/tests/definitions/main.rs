//! Checks the state machines, the template, the messages, and the pages as data, without a simulator.

mod diagrams;
mod docs;
mod messages;
mod reference;
mod schemas;
mod state_machine;
mod template;
