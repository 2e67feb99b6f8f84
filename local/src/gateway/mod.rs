//! The gateway between the functions and MiniStack. It simulates how AWS behaves: operations take time, requests that
//! AWS rejects are rejected, and calls fail when a test requests it.
//!
//! `call` reads a request; `caller` identifies its caller; `model` checks it and its response against AWS's service
//! models; `fault` and `fault_scope` decide whether and how a call fails; `quota` limits rates; `elasticache`,
//! `dynamodb`, `security_group`, `service_quotas`, `ssm`, and `step_functions` simulate the services; `server` puts them together.
//! More rules about the resources that MiniStack stores are in `local/ministack/stored_resources.py`.

pub mod call;
mod caller;
pub mod clock;
mod dynamodb;
pub mod elasticache;
pub mod error_response;
pub mod fault;
pub mod fault_scope;
mod model;
pub mod quota;
mod reply;
mod security_group;
mod server;
mod service_quotas;
mod ssm;
mod step_functions;
mod upstream;
mod xml;

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::sync::Arc;
use std::sync::atomic::AtomicI32;
use std::sync::{Mutex, PoisonError};

use anyhow::{Context, Result};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

use crate::valkey::Valkey;
use caller::Callers;
use clock::Clock;
use elasticache::{ElastiCache, Lifecycle, Part, ZoneRejection};
use fault_scope::{FaultScope, FaultScopes};
use model::Models;
use quota::{Counts, Quotas};
use upstream::Upstream;

/// The running gateway. Dropping this value stops it, and the Valkey servers that it started.
pub struct Gateway {
    address: SocketAddrV4,
    clock: Clock,
    shared: Arc<Shared>,
    /// Dropped last, together with the tasks that use `shared`.
    runtime: Runtime,
}

/// The state that all connections share.
struct Shared {
    upstream: Upstream,
    fault_scopes: FaultScopes,
    quotas: Quotas,
    elasticache: ElastiCache,
    callers: Callers,
    models: Models,
    /// The ARN of the policy that every new role must have as its permissions boundary.
    required_boundary: Mutex<Option<String>>,
}

impl Gateway {
    /// Starts the gateway on a free port of the loopback address, in front of MiniStack at `upstream`. `scale` is the
    /// number of real seconds per simulated second, and `functions` is the functions' process group. Without `valkey`,
    /// nothing listens at the caches' endpoints.
    ///
    /// # Errors
    /// Returns an error if the port can't be bound.
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
            .context("could not start the gateway's runtime")?;
        let clock = Clock::start(scale);
        let shared = Arc::new(Shared {
            upstream: Upstream::new(upstream),
            fault_scopes: FaultScopes::new(clock),
            quotas: Quotas::documented(clock),
            elasticache: ElastiCache::new(clock, valkey),
            callers: Callers::new(functions),
            models: Models::load(),
            required_boundary: Mutex::default(),
        });
        let listener = runtime
            .block_on(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)))
            .context("could not bind the gateway's port")?;
        let port = listener.local_addr()?.port();
        runtime.spawn(server::serve(listener, Arc::clone(&shared)));
        Ok(Self {
            address: SocketAddrV4::new(Ipv4Addr::LOCALHOST, port),
            clock,
            shared,
            runtime,
        })
    }

    /// Returns the address for functions and other AWS clients.
    #[must_use]
    pub const fn address(&self) -> SocketAddrV4 {
        self.address
    }

    /// Adds a test environment's fault scope. It records the steps' calls that contain one of the markers, such as the
    /// environment's name or the ID of its VPC, and makes them fail according to its rules.
    #[must_use]
    pub fn fault_scope(&self, markers: impl IntoIterator<Item = String>) -> Arc<FaultScope> {
        self.shared.fault_scopes.add(markers.into_iter().collect())
    }

    /// Sets the lifecycle of a cache for its next creation; the default is [`Lifecycle::default`]. After multiple calls,
    /// each creation of a cache with this ID uses the next lifecycle, and the last one applies to all further creations.
    pub fn set_lifecycle(&self, replication_group: &str, lifecycle: Lifecycle) {
        self.shared
            .elasticache
            .set_lifecycle(replication_group, lifecycle);
    }

    /// Makes a failed cache recover: from now on it is available, and its endpoint answers.
    pub fn recover(&self, replication_group: &str) {
        let elasticache = self.shared.elasticache.clone();
        self.runtime
            .block_on(elasticache.recover(replication_group));
    }

    /// Upgrades a cache to a version such as `8.1`, as ElastiCache does automatically for minor versions.
    pub fn upgrade(&self, replication_group: &str, version: &str) {
        self.shared.elasticache.upgrade(replication_group, version);
    }

    /// Makes the pending changes of a cache, as ElastiCache does in the maintenance window.
    pub fn maintain(&self, replication_group: &str) {
        let elasticache = self.shared.elasticache.clone();
        self.runtime
            .block_on(elasticache.maintain(replication_group));
    }

    /// Makes a cache's member with this number fail with a status such as `restore-failed`.
    pub fn fail_member(&self, replication_group: &str, number: u32, status: &str) {
        let elasticache = &self.shared.elasticache;
        elasticache.fail_member(replication_group, number, status);
    }

    /// Deactivates a cache's notification topic, as ElastiCache does if it can't publish to the topic.
    pub fn deactivate_topic(&self, replication_group: &str) {
        self.shared.elasticache.deactivate_topic(replication_group);
    }

    /// Deactivates a cache's notification topic, and every topic that a modification sets from now on, as ElastiCache does if
    /// it can't publish to them.
    pub fn deny_topics(&self, replication_group: &str) {
        self.shared.elasticache.deny_topics(replication_group);
    }

    /// Makes the delivery of a cache's log, such as `slow-log`, fail with this message.
    pub fn fail_log(&self, replication_group: &str, log_type: &str, message: &str) {
        let elasticache = &self.shared.elasticache;
        elasticache.fail_log(replication_group, log_type, message);
    }

    /// Makes the creation of a cache's further replicas fail after ElastiCache has accepted the request.
    pub fn lose_replicas(&self, replication_group: &str) {
        self.shared.elasticache.lose_replicas(replication_group);
    }

    /// Makes a cache the primary member of a global datastore with this ID, or of none.
    pub fn set_global_datastore(&self, replication_group: &str, datastore: Option<&str>) {
        let elasticache = &self.shared.elasticache;
        elasticache.set_global_datastore(replication_group, datastore);
    }

    /// Adds a value to AWS's descriptions of a cache or its members, or replaces it, for settings that MiniStack doesn't
    /// store. `path` is that of the value's element, such as `["PendingModifiedValues", "CacheNodeType"]`.
    pub fn set_described(&self, replication_group: &str, part: Part, path: &[&str], value: &str) {
        let elasticache = &self.shared.elasticache;
        elasticache.set_described(replication_group, part, path, value);
    }

    /// Rejects a cache's creation in these zones, and also if ElastiCache chooses the zones.
    pub fn reject_zones(
        &self,
        replication_group: &str,
        zones: Vec<String>,
        rejection: ZoneRejection,
    ) {
        let elasticache = &self.shared.elasticache;
        elasticache.reject_zones(replication_group, zones, rejection);
    }

    /// Simulates an account that has never used ElastiCache: the service-linked role is missing, and exists after the
    /// first call that fails because of it.
    pub fn forget_service_linked_role(&self) {
        self.shared.elasticache.forget_service_linked_role();
    }

    /// Simulates an organization whose service control policy denies the creation of roles without this permissions
    /// boundary.
    pub fn require_boundary(&self, policy_arn: &str) {
        *self
            .shared
            .required_boundary
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = Some(policy_arn.to_owned());
    }

    /// Limits an operation to a burst of `burst` calls, and to `per_second` calls per simulated second.
    pub fn limit(&self, service: &str, operation: &str, burst: u32, per_second: f64) {
        self.shared
            .quotas
            .limit(service, operation, burst, per_second);
    }

    /// Returns the number of steps' calls that exceeded a rate limit so far.
    #[must_use]
    pub fn throttled(&self) -> u32 {
        let counts = self.shared.quotas.counts();
        counts.values().map(|counts| counts.throttled).sum()
    }

    /// Returns the steps' calls so far by service and operation, without those into which a fault was injected.
    #[must_use]
    pub fn call_counts(&self) -> BTreeMap<(String, String), Counts> {
        self.shared.quotas.counts()
    }

    /// Returns the time since the gateway's start, in simulated seconds.
    #[must_use]
    pub fn now(&self) -> f64 {
        self.clock.now()
    }

    /// Returns the steps' calls so far that belong to no fault scope, or whose process was not found.
    #[must_use]
    pub fn unmatched_calls(&self) -> Vec<String> {
        self.shared.fault_scopes.unmatched_calls()
    }

    /// Returns the violations so far of the services' models, by requests of functions and states and by the responses
    /// to them. Each such call returned the error `ModelViolation`.
    #[must_use]
    pub fn violations(&self) -> Vec<String> {
        self.shared.models.violations()
    }
}
