//! Runs of the workflow, side by side: most of them on one stack, each with environments of its own.

mod account;
mod aws_behavior;
mod deployments;
mod lives;
mod plans;
mod removal;
mod rollback;
mod security;
mod strictness;
mod telemetry;
mod turns;
