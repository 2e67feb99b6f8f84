//! The limits that the stack's parameters set for requests.

use crate::error::StepResult;
use crate::request::invalid;
use crate::spec::Spec;

/// Whether a request may adopt resources that envcache didn't create: the stack's parameter `Adoption`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Adoption {
    /// No request may.
    Never,
    /// Only an execution that a user started may. An event may not: its sender needs no permission for the resource
    /// that it names.
    Manual,
    /// Every request may, including that of an event.
    Always,
}

/// The limits that a stack sets for requests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StackPolicy {
    adoption: Adoption,
    /// The allowed node types; empty allows all.
    node_types: Vec<String>,
    /// Whether ElastiCache may deliver logs.
    log_delivery: bool,
}

impl StackPolicy {
    /// Reads the stack's parameters `Adoption`, `AllowedNodeTypes`, which is a comma-separated list, and `AllowLogDelivery`.
    ///
    /// # Errors
    /// Returns a message if `adoption` isn't `never`, `manual`, or `always`, or if `log_delivery` isn't `true` or `false`.
    pub fn from_parameters(
        adoption: &str,
        node_types: &str,
        log_delivery: &str,
    ) -> Result<Self, String> {
        let adoption = match adoption {
            "never" => Adoption::Never,
            "manual" => Adoption::Manual,
            "always" => Adoption::Always,
            other => {
                return Err(format!("`{other}` is not `never`, `manual`, or `always`"));
            }
        };
        let log_delivery = match log_delivery {
            "true" => true,
            "false" => false,
            other => return Err(format!("`{other}` is not `true` or `false`")),
        };
        let node_types = node_types
            .split(',')
            .filter(|node_type| !node_type.is_empty());
        Ok(Self {
            adoption,
            node_types: node_types.map(str::to_owned).collect(),
            log_delivery,
        })
    }

    /// Checks a request against the stack's limits.
    ///
    /// # Errors
    /// Returns `InvalidSpec` if the stack doesn't allow the request's `adopt`, `cache.nodeType`, or `cache.logs`.
    pub fn check(&self, spec: &Spec) -> StepResult<()> {
        if spec.options.adopt {
            match self.adoption {
                Adoption::Never => {
                    return Err(invalid(
                        "adopt",
                        "the stack's parameter `Adoption` is `never`, so no request can adopt a resource",
                    ));
                }
                Adoption::Manual if spec.event.is_some() => {
                    return Err(invalid(
                        "adopt",
                        "an event can't adopt a resource. Start an execution of the provisioning state machine \
                         manually, with this input but without `event`",
                    ));
                }
                Adoption::Manual | Adoption::Always => {}
            }
        }
        let node_type = spec.cache.node_type.as_str();
        if !self.node_types.is_empty() && !self.node_types.iter().any(|one| one == node_type) {
            return Err(invalid(
                "cache.nodeType",
                &format!(
                    "`{node_type}` is not among the stack's `AllowedNodeTypes`: {}",
                    self.node_types.join(", ")
                ),
            ));
        }
        if spec.cache.logs.is_some() && !self.log_delivery {
            return Err(invalid(
                "cache.logs",
                "the stack's parameter `AllowLogDelivery` is `false`, so its role may not set up log delivery. Set it to \
                 `true`, or remove the field",
            ));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::StackPolicy;
    use crate::{ErrorName, Request, Spec};

    fn spec(more: &Value) -> Spec {
        let mut request = json!({
            "environment": "staging",
            "network": { "vpc": "v", "subnets": ["a", "b"], "backendSecurityGroup": "g" }
        });
        for (field, value) in more.as_object().expect("fields") {
            request[field] = value.clone();
        }
        let request = Request::from_json(request).expect("a valid request");
        request.into_spec().expect("a valid spec")
    }

    #[test]
    fn rejects_what_the_stack_does_not_allow() {
        let event = json!({ "id": "7bf73129", "time": "2026-11-22T10:00:00Z" });
        let plain = json!({});
        let adopting = json!({ "adopt": true });
        let adopting_event = json!({ "adopt": true, "event": event });
        let plain_event = json!({ "event": event });
        let large = json!({ "cache": { "nodeType": "cache.r7g.16xlarge" } });
        let cases = [
            (("never", ""), &plain, None),
            (("never", ""), &adopting, Some("adopt: ")),
            (("never", ""), &adopting_event, Some("adopt: ")),
            (("manual", ""), &adopting, None),
            (("manual", ""), &plain_event, None),
            (
                ("manual", ""),
                &adopting_event,
                Some("adopt: an event can't"),
            ),
            (("always", ""), &adopting_event, None),
            (("manual", ""), &large, None),
            (
                ("manual", "cache.t4g.micro,cache.t3.micro"),
                &large,
                Some("cache.nodeType: "),
            ),
            (("manual", "cache.t4g.micro,cache.t3.micro"), &plain, None),
            (
                ("manual", "cache.t3.micro.old"),
                &plain,
                Some("cache.nodeType: "),
            ),
        ];
        for ((adoption, node_types), request, expected) in cases {
            let policy =
                StackPolicy::from_parameters(adoption, node_types, "false").expect("a policy");

            let found = policy.check(&spec(request));

            match (found, expected) {
                (Ok(()), None) => {}
                (Err(error), Some(begins)) => {
                    assert_eq!(error.name(), ErrorName::InvalidSpec);
                    assert!(error.to_string().starts_with(begins), "{error}");
                }
                (found, _) => panic!("{adoption}, {node_types:?}, {request}: {found:?}"),
            }
        }
    }

    #[test]
    fn rejects_logs_unless_the_stack_allows_them() {
        let logs = json!({ "cache": { "logs": { "slow": {} } } });
        for (allowed, request, is_rejected) in [
            ("false", &json!({}), false),
            ("false", &logs, true),
            ("true", &logs, false),
        ] {
            let policy = StackPolicy::from_parameters("manual", "", allowed).expect("a policy");

            let found = policy.check(&spec(request));

            let text = found.map_err(|error| error.to_string()).err();
            assert_eq!(
                text.is_some(),
                is_rejected,
                "{allowed}, {request}: {text:?}"
            );
            if let Some(text) = text {
                let expected = "cache.logs: the stack's parameter `AllowLogDelivery` is `false`";
                assert!(text.starts_with(expected), "{text}");
            }
        }
    }

    #[test]
    fn rejects_a_parameter_that_the_template_does_not_allow() {
        assert!(StackPolicy::from_parameters("sometimes", "", "false").is_err());
        assert!(StackPolicy::from_parameters("manual", "", "").is_err());
    }
}
