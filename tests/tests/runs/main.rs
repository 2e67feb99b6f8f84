//! Runs of the workflow, in parallel. Most share one stack; each test uses environments of its own.

mod account_limits;
mod adoption;
mod aws_behavior;
mod cache_lifecycle;
mod concurrency;
mod deployments;
mod logs;
mod lost_records;
mod migration;
mod parameters;
mod plans;
mod removal;
mod restricted_account;
mod results;
mod rollback;
mod security;
mod settings;
mod shared_subnet_group;
mod shared_vpc;
mod simulator_validation;
mod tags;
mod telemetry;
