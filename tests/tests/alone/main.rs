//! Tests that need a stack of their own, because they change it for every run or need other settings. They run in parallel.

mod costs;
mod errors;
mod event_ordering;
mod interruptions;
mod permissions;
mod restore;
mod verification;
