//! What stands between the functions and MiniStack, so that the two meet an AWS that takes its time, refuses
//! what AWS refuses, and fails when a test asks for it.
//!
//! `call` reads a request; `model` checks it and its response against AWS's service models; `fault` and `tenant` say
//! which call fails and how; `quota` limits rates; `elasticache` and `security_group` answer as the services do;
//! `server` puts them together.

pub mod call;
mod caller;
pub mod clock;
pub mod elasticache;
pub mod error_response;
pub mod fault;
pub mod fault_scope;
mod model;
pub mod quota;
mod reply;
mod security_group;
mod server;
mod upstream;
mod xml;

use std::net::{Ipv4Addr, SocketAddrV4};
use std::sync::Arc;
use std::sync::atomic::AtomicI32;

use anyhow::{Context, Result};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

use crate::valkey::Valkey;
use caller::Callers;
use clock::Clock;
use elasticache::{ElastiCache, Lifecycle};
use fault_scope::{FaultScope, Tenants};
use model::Models;
use quota::Quotas;
use upstream::Upstream;

/// The running gateway. Dropping it ends it, and the Valkey servers that it started.
pub struct Gateway {
    address: SocketAddrV4,
    shared: Arc<Shared>,
    /// Ends last, and with it the tasks that share the rest.
    runtime: Runtime,
}

/// What every connection uses.
struct Shared {
    upstream: Upstream,
    tenants: Tenants,
    quotas: Quotas,
    elasticache: ElastiCache,
    callers: Callers,
    models: Models,
}

impl Gateway {
    /// Starts it on a free port of the loopback address, before MiniStack at `upstream`. `scale` is real time
    /// against AWS's; `functions` the process group that the functions run in. Without `valkey` an endpoint is an
    /// address where nobody answers.
    ///
    /// # Errors
    /// Where the port cannot be bound.
    pub fn start(
        upstream: SocketAddrV4,
        scale: f64,
        functions: Arc<AtomicI32>,
        valkey: Option<Valkey>,
    ) -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .thread_name("gateway")
            .enable_all()
            .build()
            .context("the gateway's runtime")?;
        let clock = Clock::start(scale);
        let shared = Arc::new(Shared {
            upstream: Upstream::new(upstream),
            tenants: Tenants::new(clock),
            quotas: Quotas::documented(clock),
            elasticache: ElastiCache::new(clock, valkey),
            callers: Callers::new(functions),
            models: Models::load(),
        });
        let listener = runtime
            .block_on(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)))
            .context("the gateway's port")?;
        let port = listener.local_addr()?.port();
        runtime.spawn(server::serve(listener, Arc::clone(&shared)));
        Ok(Self {
            address: SocketAddrV4::new(Ipv4Addr::LOCALHOST, port),
            shared,
            runtime,
        })
    }

    /// Where the functions and clients of AWS call.
    #[must_use]
    pub const fn address(&self) -> SocketAddrV4 {
        self.address
    }

    /// A tenant: the calls of functions that hold one of these texts, such as an environment's name or the id
    /// of its VPC. They are recorded, and fail as it says.
    #[must_use]
    pub fn fault_scope(&self, markers: impl IntoIterator<Item = String>) -> Arc<FaultScope> {
        self.shared.tenants.add(markers.into_iter().collect())
    }

    /// Says how a cache will live, from its creation on. Said more than once, each creation under this id takes
    /// the next, and the last stays. Every other lives as [`Lifecycle::default`] says.
    pub fn set_lifecycle(&self, replication_group: &str, lifecycle: Lifecycle) {
        self.shared
            .elasticache
            .set_lifecycle(replication_group, lifecycle);
    }

    /// Mends a cache that AWS could not keep well: from now on it is available, and answers at its endpoint.
    pub fn recover(&self, replication_group: &str) {
        let elasticache = self.shared.elasticache.clone();
        self.runtime
            .block_on(elasticache.recover(replication_group));
    }

    /// Upgrades a cache to a version such as `8.1`, as ElastiCache does with new minor versions.
    pub fn upgrade(&self, replication_group: &str, version: &str) {
        self.shared.elasticache.upgrade(replication_group, version);
    }

    /// Makes a member of a cache, by its number, fail with a status such as `restore-failed`.
    pub fn fail_member(&self, replication_group: &str, number: u32, status: &str) {
        let elasticache = &self.shared.elasticache;
        elasticache.fail_member(replication_group, number, status);
    }

    /// From now on, ElastiCache accepts requests for replicas of a cache, and loses the replicas.
    pub fn lose_replicas(&self, replication_group: &str) {
        self.shared.elasticache.lose_replicas(replication_group);
    }

    /// Takes a cache's capacity from these zones: it cannot be created there, nor where AWS chooses.
    pub fn exhaust_capacity(&self, replication_group: &str, zones: Vec<String>) {
        self.shared
            .elasticache
            .exhaust_capacity(replication_group, zones);
    }

    /// Makes the account one that has never used ElastiCache: its service-linked role is missing, and somebody
    /// makes it once the first call has failed for it.
    pub fn forget_service_linked_role(&self) {
        self.shared.elasticache.forget_service_linked_role();
    }

    /// Narrows an operation's rate to `burst` calls at once and `per_second` of AWS's seconds.
    pub fn limit(&self, service: &str, operation: &str, burst: u32, per_second: f64) {
        self.shared
            .quotas
            .limit(service, operation, burst, per_second);
    }

    /// How many calls of functions were refused for their rate so far.
    #[must_use]
    pub fn throttled(&self) -> u32 {
        self.shared.quotas.refused()
    }

    /// The calls of functions that were nobody's so far: of no tenant, or of a process that was not found.
    #[must_use]
    pub fn unmatched_calls(&self) -> Vec<String> {
        self.shared.tenants.unmatched_calls()
    }

    /// Returns where requests of functions and states, and the responses to them, have violated a service's model so
    /// far. Each such call got the error `ModelViolation`.
    #[must_use]
    pub fn violations(&self) -> Vec<String> {
        self.shared.models.violations()
    }
}
