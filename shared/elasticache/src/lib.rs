//! The calls to ElastiCache that several functions make.
#![warn(missing_docs)]

pub mod describe;
pub mod tag;
