//! What needs a stack of its own, or changes the one that it has for all who use it. The tests run side by side all the same.

mod costs;
mod errors;
mod event_ordering;
mod interruptions;
mod permissions;
mod verification;
