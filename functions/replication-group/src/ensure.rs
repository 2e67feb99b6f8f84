//! Runs one round: reads the record and the group, decides, and makes at most one write to ElastiCache.

use aws_sdk_elasticache::types::{NodeGroup, ReplicationGroup};
use contract::error::{ErrorName, StepError, StepResult};
use contract::message::{EnsureReplicationGroupInput, EnsureReplicationGroupOutput, Timing};
use contract::setting::RestoreFrom;
use contract::{Action, Ownership, version};
use elasticache::describe;
use elasticache::tag::tags;
use record::{Condition, Creation, Identity, Observed, Record, Table, Update};

use crate::adoption;
use crate::compare::Change;
use crate::create::{self, create};
use crate::decide::{self, Next};
use crate::find::{Members, OwnershipCheck};
use crate::placement::Placement;
use crate::reason::failure_reason;
use crate::setting::{self, Found, NOTIFICATION_TOPIC, When, logs};
use crate::{
    change, compare, delete, find, key, parameter_group, pending, plan, restore, schedule, scope,
    tag, timing,
};

/// The AWS clients of `ensure`.
#[derive(Clone, Debug)]
pub struct Clients {
    /// The ElastiCache client.
    pub elasticache: aws_sdk_elasticache::Client,
    /// The KMS client.
    pub kms: aws_sdk_kms::Client,
    /// The table of environment records.
    pub records: Table,
}

/// Brings the replication group one step closer to the request: creates, replaces, adopts, or changes it. The state
/// machine calls it again until the group is up to date. A plan returns what a run would do, and writes nothing.
///
/// Before each write to ElastiCache, it writes to the record on the condition that this execution holds the
/// environment. That write stores what the next round needs.
///
/// # Errors
/// Returns `NotOwned` if the requested name belongs to a group that isn't owned or adoptable, or to a cache cluster;
/// `Immutable` if AWS can't change a difference in place, or would also apply what is pending, or if a cache that was restored
/// has disappeared and would be restored from the same source; `CreateFailed` if ElastiCache couldn't create the group;
/// `InsufficientCapacity` if no zone has capacity; `UnexpectedStatus` for an undocumented status, a member that doesn't recover,
/// replicas that disappear, a topic that ElastiCache deactivates again, or a changing group that can't be adopted yet;
/// `InvalidSpec` if a request that adopts omits a setting, or if ElastiCache can't use the requested KMS key, topic, or snapshot;
/// `NotFound` if there is no such key or snapshot; and `Timeout` after 60 minutes of waiting, or 2 hours if the request restores
/// data. Otherwise, returns AWS's error.
pub async fn ensure(
    clients: &Clients,
    stack: &str,
    input: EnsureReplicationGroupInput,
) -> StepResult<EnsureReplicationGroupOutput> {
    if let Some(topic) = &input.spec.cache.notification_topic {
        scope::require_own(NOTIFICATION_TOPIC, topic.as_str(), &input.execution_arn)?;
    }
    let environment = input.environment.as_str();
    let record = clients
        .records
        .read(environment)
        .await
        .map_err(|error| step::failure("GetItem", environment, error))?
        .unwrap_or_default();
    let round = Round {
        clients,
        stack,
        id: input.spec.cache.name.as_str(),
        input: &input,
        record: &record,
    };
    if !input.plan && record.holder.as_deref() != Some(&input.execution_arn) {
        return Ok(round.claim_lost());
    }
    let group = describe::replication_group(&clients.elasticache, round.id).await?;
    let status = group.as_ref().map(find::status);
    match (decide::by_status(round.id, status)?, &group) {
        (Next::Wait(status), Some(group)) if status == "modifying" => round.modifying(group).await,
        (Next::Wait(status), _) => round.wait(&status),
        (Next::Create, _) | (_, None) => round.create().await,
        (Next::Replace, Some(group)) => round.replace(group).await,
        (Next::Compare, Some(group)) => round.compare(group).await,
    }
}

/// The state of an available group that isn't adopted or up to date, for the `Timeout` error.
const NOT_YET_AS_REQUESTED: &str = "available, but not yet as requested,";

/// One round, with its input and the record.
struct Round<'a> {
    clients: &'a Clients,
    stack: &'a str,
    id: &'a str,
    input: &'a EnsureReplicationGroupInput,
    record: &'a Record,
}

impl Round<'_> {
    /// Creates the group in the next placement.
    async fn create(&self) -> StepResult<EnsureReplicationGroupOutput> {
        let input = self.input_of_new_cache().await?;
        if self.input.plan {
            let cluster = find::standalone_cluster(&self.clients.elasticache, self.id).await?;
            return match cluster {
                None => Ok(plan::creation(&input, "not there", None)),
                Some(cluster) => Err(self.name_taken(&format!(
                    "a {} cache cluster of this name exists",
                    cluster.engine().unwrap_or("standalone")
                ))),
            };
        }
        let creation = decide::creation(self.input, self.record.creation.as_ref())?;
        let wait_seconds = self.wait_seconds("not there")?;
        if !self.record(Some(&creation), None).await? {
            return Ok(self.claim_lost());
        }
        let placement = Placement::from_zones(creation.placement.clone());
        let owner = self.input.spec.owner(self.stack);
        let outcome =
            match create(&self.clients.elasticache, &owner, &input, placement.zones()).await? {
                create::Answer::Accepted => match &placement {
                    Placement::ServiceChosen => "created".to_owned(),
                    Placement::Zones(_) => format!("created in {placement}"),
                },
                create::Answer::AlreadyExists => "already exists".to_owned(),
                create::Answer::NameTaken(reason) => {
                    self.forget_request().await?;
                    return Err(self.name_taken(&reason));
                }
                create::Answer::Rejected(reason) => {
                    let rejected = decide::with_rejection(&creation, &reason);
                    if !self.record(Some(&rejected), None).await? {
                        return Ok(self.claim_lost());
                    }
                    format!("AWS rejected {placement}: {}", reason.trim_end_matches('.'))
                }
            };
        Ok(EnsureReplicationGroupOutput::Waiting {
            outcome,
            wait_seconds,
        })
    }

    /// Deletes a failed creation that envcache requested. A later round creates the group again.
    async fn replace(&self, group: &ReplicationGroup) -> StepResult<EnsureReplicationGroupOutput> {
        let reason = failure_reason(&self.clients.elasticache, group).await;
        let recorded = self.record.creation.as_ref();
        let replacement = decide::replacement(self.input, recorded, &reason)?;
        // Before the deletion, because the group can't be created again without the requested key.
        let input = self.input_of_new_cache().await?;
        if self.input.plan {
            let delete = Action::new("DeleteReplicationGroup", self.id);
            return Ok(plan::creation(&input, "found create-failed", Some(delete)));
        }
        if !self.record(Some(&replacement), None).await? {
            return Ok(self.claim_lost());
        }
        // A failed creation has no data for a final snapshot.
        let answer = delete::request(&self.clients.elasticache, self.id, None).await?;
        let outcome = match answer {
            delete::Answer::Accepted => format!("deleted after it failed: {reason}"),
            delete::Answer::Absent => "already deleted".to_owned(),
            delete::Answer::StillChanging => "not deletable yet".to_owned(),
        };
        Ok(EnsureReplicationGroupOutput::Waiting {
            outcome,
            wait_seconds: schedule::next_wait(self.input.seconds_waited, self.deadline()),
        })
    }

    /// Waits for a group that is *modifying*, and checks its members.
    async fn modifying(
        &self,
        group: &ReplicationGroup,
    ) -> StepResult<EnsureReplicationGroupOutput> {
        // The tags of a modifying group can't be read. Without an identity in the record, the group may not be owned,
        // so the round only waits.
        let is_recorded = self.record.identity.is_some();
        match find::members(&self.clients.elasticache, group).await? {
            Members::Failed { id, status } if is_recorded => {
                self.member_failed(group, &id, &status).await
            }
            members => self.wait(&match members {
                Members::Failed { id, status } => format!("modifying: {id} is {status}"),
                Members::Available(_) | Members::Changing(_) => "modifying".to_owned(),
            }),
        }
    }

    /// Waits for a member that doesn't recover, and fails once enough rounds have found it.
    async fn member_failed(
        &self,
        group: &ReplicationGroup,
        member: &str,
        status: &str,
    ) -> StepResult<EnsureReplicationGroupOutput> {
        let found = format!("changing: {member} is {status}");
        if self.input.plan {
            return self.wait(&found);
        }
        let waited = self.input.seconds_waited;
        let Some(observed) = decide::failed_member(&self.observed(), member, status, waited) else {
            let reason = failure_reason(&self.clients.elasticache, group).await;
            return Err(StepError::new(
                ErrorName::UnexpectedStatus,
                format!(
                    "replication group `{}`: ElastiCache doesn't recover the member `{member}`, which is {status}. \
                     {reason}. The group was left in place. {}",
                    self.id,
                    remedy_for(group, member)
                ),
            ));
        };
        let wait_seconds = self.wait_seconds(&found)?;
        // The identity isn't recorded, because the group may not be adopted yet.
        let update = Update::default().set_observed(Some(&observed));
        if !self.write(update).await? {
            return Ok(self.claim_lost());
        }
        Ok(EnsureReplicationGroupOutput::Waiting {
            outcome: format!("found {found}"),
            wait_seconds,
        })
    }

    /// Compares an available group with the request, and adopts or changes it.
    async fn compare(&self, group: &ReplicationGroup) -> StepResult<EnsureReplicationGroupOutput> {
        let elasticache = &self.clients.elasticache;
        let owner = self.input.spec.owner(self.stack);
        let adoption = self.input.spec.adoption(self.input.belongs_here);
        let (ownership, tags) = match find::ownership(elasticache, &owner, adoption, group).await? {
            OwnershipCheck::Known { ownership, tags } => (ownership, tags),
            OwnershipCheck::TagsUnavailable => return self.wait("changing"),
        };
        let members = match find::members(elasticache, group).await? {
            Members::Available(members) => members,
            Members::Changing(member) => return self.wait(&format!("changing: {member}")),
            Members::Failed { id, status } => return self.member_failed(group, &id, &status).await,
        };
        let Some(member) = members.first() else {
            return self.wait("without a member");
        };
        let found = Found {
            group,
            members: &members,
            tags: &tags,
        };
        let input = &EnsureReplicationGroupInput {
            kms_key_arn: key::to_compare(&self.clients.kms, self.input, group).await?,
            ..self.input.clone()
        };
        let kept = match ownership {
            Ownership::Owned => Vec::new(),
            Ownership::Adoptable => adoption::check(found, input)?,
        };
        let changes = compare::changes(found, ownership, input)?;
        if input.plan {
            return Ok(plan::comparison(input, ownership, kept, &changes, found));
        }
        if ownership == Ownership::Owned
            && let Some(changing) = logs::changing(group)
        {
            return self.wait(&changing);
        }
        // Adopts only after the comparison, so that a group with immutable differences isn't adopted.
        match (ownership, changes.into_iter().next()) {
            (Ownership::Owned, None) => {
                let endpoints = find::endpoints(group, &self.input.spec);
                match (endpoints, setting::engine_versions(member, self.input)) {
                    (Some(endpoints), Some(engine_version)) => {
                        if !self.record_source().await? {
                            return Ok(self.claim_lost());
                        }
                        Ok(EnsureReplicationGroupOutput::UpToDate {
                            outcome: "up to date".to_owned(),
                            endpoints,
                            engine_version,
                            timing: Timing {
                                immediate: self.observed().immediate,
                                pending: pending::shown(&[], found, input),
                                log_errors: logs::errors(group),
                            },
                            unused_parameter_groups: parameter_group::unused(found, input),
                        })
                    }
                    (None, _) => self.wait("available, but without its endpoint"),
                    (_, None) => self.wait("available, but without its engine version"),
                }
            }
            (Ownership::Adoptable, _) => self.adopt(group).await,
            (Ownership::Owned, Some(next)) => self.change(found, next).await,
        }
    }

    /// Adopts an available group.
    async fn adopt(&self, group: &ReplicationGroup) -> StepResult<EnsureReplicationGroupOutput> {
        let wait_seconds = self.wait_seconds(NOT_YET_AS_REQUESTED)?;
        if !self.record(None, None).await? {
            return Ok(self.claim_lost());
        }
        let owner = self.input.spec.owner(self.stack);
        let elasticache = &self.clients.elasticache;
        let is_adopted = tag::add(elasticache, group, tags(owner.tags())).await?;
        let outcome = if is_adopted {
            "adopted"
        } else {
            "found changing"
        };
        Ok(EnsureReplicationGroupOutput::Waiting {
            outcome: outcome.to_owned(),
            wait_seconds,
        })
    }

    /// Makes the next change to an available group.
    async fn change(
        &self,
        found: Found<'_>,
        next: Change,
    ) -> StepResult<EnsureReplicationGroupOutput> {
        // Every member is available, so a failed member has recovered.
        let before = Observed {
            failed_member: None,
            ..self.observed()
        };
        let waited = self.input.seconds_waited;
        let requesting = match &next {
            Change::IncreaseReplicas(_) => match decide::replica_request(&before, waited) {
                None => return Err(self.replicas_disappeared(found.group).await),
                requesting => requesting,
            },
            change if change.sets_topic() => match decide::topic_request(&before, waited) {
                None => return Err(setting::topic_not_active(found, self.input)),
                requesting => requesting,
            },
            _ => None,
        };
        let immediate = timing::immediate(&next, found, self.input);
        let requesting =
            decide::immediate_change(requesting.as_ref().unwrap_or(&before), immediate)
                .or(requesting);
        let wait_seconds = self.wait_seconds(NOT_YET_AS_REQUESTED)?;
        if !self.record(None, requesting.as_ref()).await? {
            return Ok(self.claim_lost());
        }
        let action = next.to_action(self.id, found);
        let changing = match next.when() {
            When::Now | When::Alone => format!("changing {next}"),
            When::Window => format!("deferring {next} to the maintenance window"),
        };
        let (elasticache, owner) = (&self.clients.elasticache, self.input.spec.owner(self.stack));
        let (outcome, observed) =
            match change::apply(elasticache, &owner, self.input, found, &next).await? {
                change::Answer::Accepted => (changing, None),
                // A request that wasn't accepted doesn't count.
                change::Answer::StillChanging => {
                    ("found changing".to_owned(), requesting.map(|_| before))
                }
                change::Answer::NothingToModify => {
                    let differences = action.differences();
                    let Some(observed) = decide::nothing_to_modify(&before, &differences, waited)
                    else {
                        return Err(step::nothing_to_modify(
                            &action.operation,
                            self.id,
                            &differences,
                        ));
                    };
                    ("found nothing to modify".to_owned(), Some(observed))
                }
            };
        if observed.is_some() && !self.record(None, observed.as_ref()).await? {
            return Ok(self.claim_lost());
        }
        Ok(EnsureReplicationGroupOutput::Waiting {
            outcome,
            wait_seconds,
        })
    }

    /// Returns the error for replicas that this execution requested and ElastiCache deleted.
    async fn replicas_disappeared(&self, group: &ReplicationGroup) -> StepError {
        StepError::new(
            ErrorName::UnexpectedStatus,
            format!(
                "replication group `{}` has {} instead of {} nodes: this run requested the missing replicas twice. \
                 ElastiCache accepted the requests, but the replicas don't exist. {}. The other nodes were not changed. \
                 Correct the cause, then start again",
                self.id,
                setting::nodes(group),
                self.input.spec.cache.nodes(),
                failure_reason(&self.clients.elasticache, group).await,
            ),
        )
    }

    /// Returns the error for a group that might be adopted and can't be compared now.
    fn not_comparable(&self, found: &str) -> StepError {
        StepError::new(
            ErrorName::UnexpectedStatus,
            format!(
                "replication group `{}` is {found}, so it can't be compared before anything is adopted. Nothing was \
                 changed. Once it is available, start again",
                self.id
            ),
        )
    }

    /// Returns the error for a name that a standalone cache cluster has.
    fn name_taken(&self, reason: &str) -> StepError {
        StepError::new(
            ErrorName::NotOwned,
            format!(
                "CreateReplicationGroup {}: {reason}. The cache cluster isn't part of a replication group, and was not \
                 changed. Set cache.name to another name, or delete the cluster if nothing uses it, then start again",
                self.id
            ),
        )
    }

    /// Removes from the record what this round recorded about a request whose name is taken, so that the next request
    /// can use another name.
    async fn forget_request(&self) -> StepResult<()> {
        // A retried invocation reads what the first invocation recorded.
        let is_own = |creation: &Creation| creation.execution == self.input.execution;
        let earlier = self
            .record
            .creation
            .as_ref()
            .filter(|creation| !is_own(creation));
        let is_new = earlier.is_none() && self.record.engine_version.is_none();
        let update = match earlier {
            Some(creation) => Update::default().set_creation(Some(creation)),
            None if is_new => Update::default().remove(&["cacheIdentity", "creation"]),
            None => Update::default().remove(&["creation"]),
        };
        // If the claim is lost, the record belongs to another run, and there is nothing to remove.
        self.write(update).await.map(drop)
    }

    /// Returns the input with the engine version and the KMS key of a new cache, after a check of the source that it is restored
    /// from.
    async fn input_of_new_cache(&self) -> StepResult<EnsureReplicationGroupInput> {
        let mut input = self.input.clone();
        let version = version::of_new_cache(
            self.input.spec.cache.engine_version.as_ref(),
            self.record.engine_version.as_deref(),
            &self.input.default_engine_version,
        );
        input.spec.cache.engine_version = Some(version);
        input.kms_key_arn = key::of_new_cache(&self.clients.kms, self.input).await?;
        let restored_from = self.record.restored_from.as_deref();
        restore::check(&self.clients.elasticache, &input, restored_from).await?;
        Ok(input)
    }

    /// Records the source that the request names for the data of a cache that is as requested, so that no cache is restored
    /// from it again. Returns whether this execution still holds the environment.
    async fn record_source(&self) -> StepResult<bool> {
        let source = self.input.spec.cache.restore_from.as_ref();
        let source = source.map(RestoreFrom::to_json);
        if source == self.record.restored_from {
            return Ok(true);
        }
        self.write(Update::default().set_restored_from(source.as_deref()))
            .await
    }

    /// Records the cache's identity, and its creation or observations, if this execution still holds the environment.
    /// Returns whether it does.
    async fn record(
        &self,
        creation: Option<&Creation>,
        observed: Option<&Observed>,
    ) -> StepResult<bool> {
        let identity = Identity::requested(&self.input.spec, &self.input.network);
        let update = Update::default()
            .set_identity(Some(&identity))
            .set_creation(creation)
            .set_observed(observed);
        self.write(update).await
    }

    /// Writes to the record if this execution still holds the environment. Returns whether it does.
    async fn write(&self, update: Update) -> StepResult<bool> {
        let environment = self.input.environment.as_str();
        let condition = Condition::HeldBy(&self.input.execution_arn);
        self.clients
            .records
            .write(environment, condition, update)
            .await
            .map(|answer| answer.is_ok())
            .map_err(|error| step::failure("UpdateItem", environment, error))
    }

    fn observed(&self) -> Observed {
        decide::observed(self.input, self.record.observed.as_ref())
    }

    /// Waits for a group with the state `found`. A plan only reports the state, unless the request may adopt the group: the
    /// states that follow the plan would tag other resources before the group is compared.
    fn wait(&self, found: &str) -> StepResult<EnsureReplicationGroupOutput> {
        let outcome = format!("found {found}");
        if self.input.plan {
            let is_recorded = self.record.identity.is_some() || self.record.creation.is_some();
            let may_adopt = self.input.spec.options.adopt && !is_recorded && found != "deleting";
            return if may_adopt {
                Err(self.not_comparable(found))
            } else {
                Ok(plan::unknown(outcome))
            };
        }
        Ok(EnsureReplicationGroupOutput::Waiting {
            outcome,
            wait_seconds: self.wait_seconds(found)?,
        })
    }

    fn wait_seconds(&self, found: &str) -> StepResult<u32> {
        schedule::wait_or_give_up(self.input.seconds_waited, self.deadline(), self.id, found)
    }

    fn deadline(&self) -> u32 {
        schedule::deadline_seconds(self.input.spec.cache.restore_from.is_some())
    }

    fn claim_lost(&self) -> EnsureReplicationGroupOutput {
        EnsureReplicationGroupOutput::ClaimLost {
            reason: format!(
                "another run has taken over environment `{}`, so this run stopped. To continue, start a new run",
                self.input.environment
            ),
        }
    }
}

/// Returns the remedy for a member that doesn't recover. AWS deletes a replica, but neither the primary nor the only
/// node
/// ([DeleteCacheCluster](https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_DeleteCacheCluster.html)).
fn remedy_for(group: &ReplicationGroup, member: &str) -> &'static str {
    let members = group
        .node_groups()
        .iter()
        .flat_map(NodeGroup::node_group_members);
    let is_primary = members
        .filter(|found| found.cache_cluster_id() == Some(member))
        .any(|found| found.current_role() == Some("primary"));
    if group.member_clusters().len() <= 1 {
        "Correct the cause, then start again. If the environment owns the cache, you can instead remove it and request \
         it again: the member is the only node, so the data is lost unless you restore a backup"
    } else if is_primary {
        "Correct the cause, fail over to a replica in the ElastiCache console, delete the member there, then start \
         again"
    } else {
        "Correct the cause, delete the member in the ElastiCache console, then start again"
    }
}
