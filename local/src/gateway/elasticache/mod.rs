//! Simulates ElastiCache: operations on a cache take time, and requests that AWS rejects are rejected.
//!
//! MiniStack stores the resources; this module stores each cache's phase. `lifecycle` computes the phase, `strict`
//! rejects requests, `describe` corrects descriptions, `events` lists events, `creation` and `deletion` simulate
//! durations, `settings` stores what MiniStack doesn't, `logs` delivers logs, `pending` defers changes to the maintenance window,
//! `key` finds KMS keys, `snapshot` saves and restores data, `members` translates the names of members, `parameter` lists the
//! parameters of families, `parameter_group` stores those of groups, and `servers` starts the Valkey servers of caches.

mod creation;
mod deletion;
mod describe;
mod events;
mod key;
mod lifecycle;
mod logs;
mod members;
mod ministack;
mod parameter;
mod parameter_group;
mod pending;
mod servers;
mod settings;
mod snapshot;
mod strict;
mod version;
mod window;
mod zone;

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::net::SocketAddrV4;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use anyhow::Result;
use hyper::StatusCode;

use super::call::Call;
use super::clock::Clock;
use super::error_response::ErrorResponse;
use super::reply::{Reply, reply_from_answer, reply_from_xml};
use super::upstream::{Answer, Received, Upstream};
use super::xml::Element;
use crate::valkey::{self, Valkey};
use events::Event;
pub use lifecycle::{Lifecycle, Outcome, Phase, Times};
use parameter_group::ParameterGroup;
use pending::Deferrable;
use servers::Servers;
use settings::Settings;
use snapshot::Snapshot;
pub use zone::ZoneRejection;

/// The caches of the account. Clones share them.
#[derive(Clone)]
pub struct ElastiCache {
    clock: Clock,
    valkey: Option<Arc<Valkey>>,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    groups: BTreeMap<String, Group>,
    /// By cache, the lifecycles of its creations. The last one applies to all further creations.
    lifecycles: HashMap<String, VecDeque<Lifecycle>>,
    events: Vec<Event>,
    /// Deleted caches whose ID another cache has now. Their network interfaces remain for a while.
    replaced: Vec<Group>,
    /// By cache, its servers; `None` if the server behind its endpoint couldn't be started.
    servers: HashMap<String, Option<Servers>>,
    addresses: valkey::Addresses,
    /// By name, the parameter groups that users created.
    parameter_groups: BTreeMap<String, ParameterGroup>,
    snapshots: Vec<Snapshot>,
    service_linked_role_is_missing: bool,
    /// By cache, the zones in which its creation is rejected.
    rejected_zones: HashMap<String, (Vec<String>, ZoneRejection)>,
}

/// A part of a cache that ElastiCache describes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The replication group.
    Group,
    /// Each of its members.
    Member,
}

/// How long a cache is *modifying* after its tags changed, in simulated seconds. A modification that follows at once is
/// rejected: <https://github.com/hashicorp/terraform-provider-aws/issues/40320>.
const TAGGING_SECONDS: f64 = 1.0;

/// What MiniStack doesn't store about a replication group.
#[derive(Clone, Debug)]
struct Group {
    id: String,
    lifecycle: Lifecycle,
    times: Times,
    created_at: SystemTime,
    address: SocketAddrV4,
    /// The addresses of the replicas' servers.
    replica_addresses: Vec<SocketAddrV4>,
    nodes: u32,
    configuration: Deferrable,
    settings: Settings,
    /// When the delivery of logs last began to change; none if it never has.
    logs_changed: Option<f64>,
    /// The statuses of failed members, by the member's number.
    failed_members: BTreeMap<u32, String>,
    /// Whether ElastiCache accepts requests for replicas but can't create them.
    loses_replicas: bool,
    /// The ID of the global datastore that it is the primary member of.
    global_datastore: Option<String>,
    /// Additional elements of its descriptions.
    described: Vec<(Part, Element)>,
    subnet_group_name: String,
    security_groups: Vec<String>,
    /// The file with the data that it is restored from.
    data: Option<PathBuf>,
    /// MiniStack's last description of the group, from before its deletion.
    last_description: Option<Element>,
    /// MiniStack's last answer about the first member, from before the group's deletion.
    last_member: Option<Element>,
}

impl Group {
    /// Returns the number of replicas.
    fn replicas(&self) -> usize {
        usize::try_from(self.nodes.saturating_sub(1)).unwrap_or_default()
    }

    /// Returns the addresses of the primary's server and of the replicas' servers.
    fn addresses(&self) -> Vec<SocketAddrV4> {
        let mut addresses = vec![self.address];
        addresses.extend(&self.replica_addresses);
        addresses
    }
}

impl ElastiCache {
    pub(super) fn new(clock: Clock, valkey: Option<Valkey>) -> Self {
        Self {
            clock,
            valkey: valkey.map(Arc::new),
            state: Arc::default(),
        }
    }

    pub(super) fn set_lifecycle(&self, replication_group: &str, lifecycle: Lifecycle) {
        self.state()
            .lifecycles
            .entry(replication_group.to_owned())
            .or_default()
            .push_back(lifecycle);
    }

    pub(super) fn reject_zones(
        &self,
        replication_group: &str,
        zones: Vec<String>,
        rejection: ZoneRejection,
    ) {
        let mut state = self.state();
        let rejected = (zones, rejection);
        state
            .rejected_zones
            .insert(replication_group.to_owned(), rejected);
    }

    pub(super) fn upgrade(&self, replication_group: &str, version: &str) {
        if let Some(group) = self.state().groups.get_mut(replication_group) {
            group.configuration.upgrade(version);
        }
    }

    pub(super) fn fail_member(&self, replication_group: &str, number: u32, status: &str) {
        if let Some(group) = self.state().groups.get_mut(replication_group) {
            group.failed_members.insert(number, status.to_owned());
        }
    }

    pub(super) fn deactivate_topic(&self, replication_group: &str) {
        if let Some(group) = self.state().groups.get_mut(replication_group) {
            group.settings.deactivate_topic();
        }
    }

    pub(super) fn deny_topics(&self, replication_group: &str) {
        if let Some(group) = self.state().groups.get_mut(replication_group) {
            group.settings.deny_topics();
        }
    }

    pub(super) fn fail_log(&self, replication_group: &str, log_type: &str, message: &str) {
        if let Some(group) = self.state().groups.get_mut(replication_group) {
            group.settings.logs_mut().fail(log_type, message);
        }
    }

    pub(super) fn lose_replicas(&self, replication_group: &str) {
        if let Some(group) = self.state().groups.get_mut(replication_group) {
            group.loses_replicas = true;
        }
    }

    pub(super) fn set_global_datastore(&self, replication_group: &str, datastore: Option<&str>) {
        if let Some(group) = self.state().groups.get_mut(replication_group) {
            group.global_datastore = datastore.map(str::to_owned);
        }
    }

    pub(super) fn set_described(
        &self,
        replication_group: &str,
        part: Part,
        path: &[&str],
        value: &str,
    ) {
        let Some((last, parents)) = path.split_last() else {
            return;
        };
        let element = parents
            .iter()
            .rev()
            .fold(Element::leaf(last, value), |child, parent| {
                Element::with(parent, [child])
            });
        if let Some(group) = self.state().groups.get_mut(replication_group) {
            group.described.push((part, element));
        }
    }

    pub(super) fn forget_service_linked_role(&self) {
        self.state().service_linked_role_is_missing = true;
    }

    /// Returns whether a cache's network interfaces use a security group, including those that remain after its
    /// deletion.
    pub(super) fn uses_security_group(&self, id: &str) -> bool {
        let now = self.clock.now();
        let state = self.state();
        state.groups.values().chain(&state.replaced).any(|group| {
            let released = group
                .times
                .deleted
                .map(|deleted| deleted + group.lifecycle.deleting + group.lifecycle.lingering);
            released.is_none_or(|released| now < released)
                && group.security_groups.iter().any(|found| found == id)
        })
    }

    /// Answers a call as ElastiCache does.
    ///
    /// # Errors
    /// Returns an error if MiniStack doesn't answer.
    pub(super) async fn answer(
        &self,
        call: &Call,
        request: &Received,
        upstream: &Upstream,
    ) -> Result<Reply> {
        let error_response = self.reject(call, upstream).await?;
        if call.operation == "ListTagsForResource" && error_response.is_some() {
            // AWS checks the caller's policy before the group's state.
            let answer = upstream.forward(request).await?;
            if !answer.status.is_success() {
                return Ok(reply_from_answer(answer));
            }
        }
        if let Some(error_response) = error_response {
            return Ok(error_response.answer(call));
        }
        match call.operation.as_str() {
            "DescribeCacheClusters" => self.describe_members(call, request, upstream).await,
            "DescribeReplicationGroups" => self.describe(call, request, upstream).await,
            "DeleteReplicationGroup" => self.delete(call, request, upstream).await,
            "CreateSnapshot" => self.create_snapshot(call, request, upstream).await,
            "IncreaseReplicaCount" if self.loses_replicas(call) => {
                self.accept_and_lose(call, upstream).await
            }
            "CreateCacheParameterGroup"
            | "DescribeCacheParameterGroups"
            | "DescribeCacheParameters"
            | "DescribeEngineDefaultParameters"
            | "ModifyCacheParameterGroup"
            | "ResetCacheParameterGroup"
            | "DeleteCacheParameterGroup" => {
                self.answer_for_parameter_group(call, request, upstream)
                    .await
            }
            "DescribeCacheEngineVersions" => Ok(reply_from_xml(&version::describe(call))),
            _ => {
                let applied = key::with_arn(call, upstream).await?;
                let answer = upstream.forward(request).await?;
                if !answer.status.is_success() {
                    return Ok(reply_from_answer(answer));
                }
                self.apply(&applied);
                self.update_servers(call).await;
                if call.operation == "DescribeEvents" {
                    let now = SystemTime::now();
                    return Ok(reply_from_xml(&events::answer(
                        call,
                        &self.state().events,
                        now,
                    )));
                }
                self.reply(&answer)
            }
        }
    }

    async fn reject(&self, call: &Call, upstream: &Upstream) -> Result<Option<ErrorResponse>> {
        if let Some(error_response) = self.reject_for_role(call) {
            return Ok(Some(error_response));
        }
        if let Some(error_response) = strict::reject_state(
            call,
            |id| self.phase(id),
            || self.users_of_subnet_group(call),
        ) {
            return Ok(Some(error_response));
        }
        let group = call
            .field("ReplicationGroupId")
            .and_then(|id| self.find(id))
            .map(|(group, _)| group);
        let datastore = group
            .as_ref()
            .and_then(|group| group.global_datastore.as_deref());
        if let Some(error_response) = strict::reject_member(call, datastore) {
            return Ok(Some(error_response));
        }
        let nodes = group.as_ref().map(|group| group.nodes);
        let error_response = pending::reject_deferred_replicas(call)
            .or_else(|| strict::reject_same_replicas(call, nodes))
            .or_else(|| self.reject_restore(call))
            .or_else(|| self.reject_parameter_group(call));
        if error_response.is_some() {
            return Ok(error_response);
        }
        let error_response = strict::reject_request(call, group.as_ref(), upstream).await?;
        if let Some(error_response) = error_response {
            return Ok(Some(error_response));
        }
        Ok(self
            .reject_other_group(call, group.as_ref())
            .or_else(|| self.reject_tiered_policy(call))
            .or_else(|| self.reject_for_zone(call)))
    }

    /// Rejects a creation in a rejected zone. A creation without requested zones is rejected too: it simulates that
    /// ElastiCache chooses such a zone.
    fn reject_for_zone(&self, call: &Call) -> Option<ErrorResponse> {
        if call.operation != "CreateReplicationGroup" {
            return None;
        }
        let id = call.field("ReplicationGroupId")?;
        let state = self.state();
        let (rejected, rejection) = state.rejected_zones.get(id)?;
        let zones = call.list("PreferredCacheClusterAZs");
        let zone = if zones.is_empty() {
            rejected.first()
        } else {
            rejected.iter().find(|zone| zones.contains(&zone.as_str()))
        }?;
        let node_type = call.field("CacheNodeType").unwrap_or_default();
        Some(rejection.response(node_type, zone))
    }

    /// Rejects the first call that needs the service-linked role if the role is missing. From then on, the role exists
    /// ([service-linked roles](https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/using-service-linked-roles.html)).
    /// Source of the message: <https://github.com/aws-controllers-k8s/community/issues/367>.
    fn reject_for_role(&self, call: &Call) -> Option<ErrorResponse> {
        let needs_role = matches!(
            call.operation.as_str(),
            "CreateCacheSubnetGroup" | "CreateReplicationGroup"
        );
        let mut state = self.state();
        if !needs_role || !state.service_linked_role_is_missing {
            return None;
        }
        state.service_linked_role_is_missing = false;
        Some(ErrorResponse::new(
            "ServiceLinkedRoleNotFoundFault",
            "This action cannot be completed due to insufficient permissions. (Recommended action) Please create new \
             role using IAM API CreateServiceLinkedRole.",
        ))
    }

    /// Returns the caches in the subnet group that a call names.
    fn users_of_subnet_group(&self, call: &Call) -> Vec<String> {
        let name = call.field("CacheSubnetGroupName").unwrap_or_default();
        let now = self.clock.now();
        self.state()
            .groups
            .values()
            .filter(|group| group.subnet_group_name.eq_ignore_ascii_case(name))
            .filter(|group| Phase::at(&group.lifecycle, group.times, now) != Phase::Deleted)
            .map(|group| group.id.clone())
            .collect()
    }

    fn phase(&self, id: &str) -> Option<Phase> {
        self.find(id).map(|(_, phase)| phase)
    }

    fn find(&self, id: &str) -> Option<(Group, Phase)> {
        let state = self.state();
        let mut group = state.groups.get(id).cloned()?;
        let now = self.clock.now();
        let phase = Phase::at(&group.lifecycle, group.times, now);
        let logs_end = group
            .logs_changed
            .map(|changed| changed + group.lifecycle.modifying + group.lifecycle.delivering);
        let are_logs_changing = logs_end.is_some_and(|end| now < end);
        group.settings.logs_mut().set_changing(are_logs_changing);
        let is_starting = self.valkey.is_some() && !state.servers.contains_key(id);
        let servers = state.servers.get(id).and_then(Option::as_ref);
        let is_scaling = servers.is_some_and(|servers| servers.replicas() != group.replicas());
        // Shows the endpoint only after the servers have started, and ends a modification only after those of new replicas have.
        Some(match phase {
            Phase::Available if is_starting => (group, Phase::WithoutEndpoint),
            Phase::Available if is_scaling => (group, Phase::Modifying),
            phase => (group, phase),
        })
    }

    /// Records the changes that a successful call makes.
    fn apply(&self, call: &Call) {
        match call.operation.as_str() {
            "CreateReplicationGroup" => self.create(call),
            "ModifyReplicationGroup" => self.modify(call, |group| {
                group.configuration.modify(call);
                group.settings.modify(call);
                if logs::changes_deliveries(call) {
                    group.logs_changed = group.times.changed;
                }
                let requested = call.list("SecurityGroupIds");
                if !requested.is_empty() {
                    group.security_groups = requested.into_iter().map(str::to_owned).collect();
                }
            }),
            "IncreaseReplicaCount" | "DecreaseReplicaCount" => self.modify(call, |group| {
                if let Some(replicas) = number(call, "NewReplicaCount") {
                    group.nodes = replicas + 1;
                }
            }),
            "AddTagsToResource" | "RemoveTagsFromResource" => self.change_tags(call),
            "DeleteSnapshot" => self.delete_snapshot(call),
            _ => {}
        }
    }

    fn change_tags(&self, call: &Call) {
        let arn = call.field("ResourceName").unwrap_or_default();
        let Some((_, id)) = arn.rsplit_once(":replicationgroup:") else {
            return;
        };
        let now = self.clock.now();
        if let Some(group) = self.state().groups.get_mut(id) {
            let end = now + TAGGING_SECONDS;
            group.times.changed = Some(end - group.lifecycle.modifying);
        }
    }

    fn modify(&self, call: &Call, change: impl FnOnce(&mut Group)) {
        let id = call.field("ReplicationGroupId").unwrap_or_default();
        let now = self.clock.now();
        if let Some(group) = self.state().groups.get_mut(id) {
            group.times.changed = Some(now);
            change(group);
        }
    }

    async fn describe(
        &self,
        call: &Call,
        request: &Received,
        upstream: &Upstream,
    ) -> Result<Reply> {
        let answer = upstream.forward(request).await?;
        let is_deleting = answer.status == StatusCode::NOT_FOUND;
        let found = call
            .field("ReplicationGroupId")
            .filter(|_| is_deleting)
            .and_then(|id| self.find(id));
        let Some((group, Phase::Deleting)) = found else {
            return self.reply_with_deleting(call, &answer);
        };
        let groups = Element::with("ReplicationGroups", group.last_description);
        let mut answer = Element::with(
            "DescribeReplicationGroupsResponse",
            [Element::with("DescribeReplicationGroupsResult", [groups])],
        );
        self.show(&mut answer);
        Ok(reply_from_xml(&answer))
    }

    /// Returns MiniStack's answer, and adds the groups that are being deleted to a list of all groups. MiniStack deletes
    /// immediately.
    fn reply_with_deleting(&self, call: &Call, answer: &Answer) -> Result<Reply> {
        if !answer.status.is_success() || call.field("ReplicationGroupId").is_some() {
            return self.reply(answer);
        }
        let ids: Vec<_> = self.state().groups.keys().cloned().collect();
        let deleting: Vec<_> = ids
            .iter()
            .filter_map(|id| self.find(id))
            .filter(|(_, phase)| *phase == Phase::Deleting)
            .filter_map(|(group, _)| group.last_description)
            .collect();
        let mut element = Element::read(&answer.body)?;
        element.each("ReplicationGroups", &mut |groups| {
            groups.extend(deleting.clone());
        });
        self.show(&mut element);
        Ok(reply_from_xml(&element))
    }

    /// Returns MiniStack's answer with each replication group in its phase.
    fn reply(&self, answer: &Answer) -> Result<Reply> {
        if !answer.status.is_success() {
            return Ok(reply_from_answer(answer.clone()));
        }
        let mut element = Element::read(&answer.body)?;
        self.show(&mut element);
        Ok(reply_from_xml(&element))
    }

    fn show(&self, answer: &mut Element) {
        describe::replication_groups(answer, &|id| self.find(id));
        let snapshots = self.state().snapshots.clone();
        snapshot::describe(answer, &snapshots);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn number(call: &Call, field: &str) -> Option<u32> {
    call.field(field)?.parse().ok()
}

fn invalid_value(message: impl Into<String>) -> ErrorResponse {
    ErrorResponse::new("InvalidParameterValue", message)
}

fn invalid_combination(message: impl Into<String>) -> ErrorResponse {
    ErrorResponse::new("InvalidParameterCombination", message)
}
