//! The builds that are compared: today's, and one for each option that differs from it.

use anyhow::{Result, ensure};

/// The name of the build that the others are compared with.
pub const TODAY: &str = "today";

/// A build option.
pub struct Build {
    pub name: &'static str,
    /// What differs from today's build.
    pub what: &'static str,
    /// Why it isn't used.
    pub verdict: &'static str,
    /// The environment of cargo. `{bundle}` and `{authority}` are files with certificate authorities.
    pub environment: &'static [(&'static str, &'static str)],
    pub edits: &'static [Edit],
}

/// A change of a file: `from`, which it contains once, becomes `to`.
#[derive(Clone, Copy, Debug)]
pub struct Edit {
    pub file: &'static str,
    from: &'static str,
    to: &'static str,
}

const RING_FEATURE: &str = "\"rustls-ring\"";
const TLS_PROVIDER: &str = ".tls_provider(Provider::Rustls(CryptoMode::Ring))";
const AWS_LC: [Edit; 2] = [
    Edit {
        file: "Cargo.toml",
        from: RING_FEATURE,
        to: "\"rustls-aws-lc\"",
    },
    Edit {
        file: "shared/step/src/aws.rs",
        from: TLS_PROVIDER,
        to: ".tls_provider(Provider::Rustls(CryptoMode::AwsLc))",
    },
];
const EMBEDDED_ROOTS: [Edit; 1] = [Edit {
    file: "shared/step/src/aws.rs",
    from: TLS_PROVIDER,
    to: ".tls_provider(Provider::Rustls(CryptoMode::Ring))
        .tls_context(
            aws_smithy_http_client::tls::TlsContext::builder()
                .with_trust_store(
                    aws_smithy_http_client::tls::TrustStore::empty()
                        .with_pem_certificate(include_bytes!(env!(\"ENVCACHE_ROOTS\")).as_slice()),
                )
                .build()
                .expect(\"a TLS context\"),
        )",
}];
const FIRST_CALL: [Edit; 4] = [
    Edit {
        file: "functions/environment/src/bin/claim-environment.rs",
        from: "    step::run(",
        to: "    let key = aws_sdk_dynamodb::types::AttributeValue::S(\"first\".to_owned());
    let call = clients.records.dynamodb.get_item().table_name(&clients.records.name).key(\"environment\", key);
    let _ = call.send().await;\n    step::run(",
    },
    Edit {
        file: "functions/network/src/bin/resolve-network.rs",
        from: "    step::run(",
        to: "    let _ = clients.ec2.describe_vpcs().max_results(5).send().await;\n    step::run(",
    },
    Edit {
        file: "functions/replication-group/src/bin/check-replication-group.rs",
        from: "    step::run(",
        to: "    let _ = elasticache.describe_replication_groups().max_records(20).send().await;\n    step::run(",
    },
    Edit {
        file: "functions/start-workflow/src/bin/start-workflow.rs",
        from: "    step::run_labeled(",
        to: "    let _ = sfn.start_execution().state_machine_arn(&state_machines.provision).send().await;\n    step::run_labeled(",
    },
];
const SDK_CONFIG: &str = "step::sdk_config()";
const AWAITED_SDK_CONFIG: &str = "step::sdk_config().await";
/// `aws_config::defaults` is asynchronous, so the functions await `sdk_config`.
const DEFAULT_CHAIN: [Edit; 6] = [
    Edit {
        file: "shared/step/src/aws.rs",
        from: "pub fn sdk_config()",
        to: "pub async fn sdk_config()",
    },
    Edit {
        file: "shared/step/src/aws.rs",
        from: "    let mut config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .credentials_provider(credentials)
",
        to: "    drop(credentials);
    let mut config = aws_config::defaults(BehaviorVersion::latest())
        .load()
        .await
        .into_builder()
",
    },
    Edit {
        file: "functions/environment/src/bin/claim-environment.rs",
        from: SDK_CONFIG,
        to: AWAITED_SDK_CONFIG,
    },
    Edit {
        file: "functions/network/src/bin/resolve-network.rs",
        from: SDK_CONFIG,
        to: AWAITED_SDK_CONFIG,
    },
    Edit {
        file: "functions/replication-group/src/bin/check-replication-group.rs",
        from: SDK_CONFIG,
        to: AWAITED_SDK_CONFIG,
    },
    Edit {
        file: "functions/start-workflow/src/bin/start-workflow.rs",
        from: SDK_CONFIG,
        to: AWAITED_SDK_CONFIG,
    },
];
const DEFAULT_FEATURES: [Edit; 7] = [
    DEFAULT_CHAIN[0],
    DEFAULT_CHAIN[1],
    DEFAULT_CHAIN[2],
    DEFAULT_CHAIN[3],
    DEFAULT_CHAIN[4],
    DEFAULT_CHAIN[5],
    Edit {
        file: "Cargo.toml",
        from: "aws-config = { version = \"1.13.0\", default-features = false, features = [\"rt-tokio\"] }",
        to: "aws-config = { version = \"1.13.0\" }",
    },
];
const ENV_FILTER: [Edit; 1] = [Edit {
    file: "shared/step/src/log.rs",
    from: "    let level = env::var(\"AWS_LAMBDA_LOG_LEVEL\");\n",
    to: "    if env::var_os(\"AWS_LAMBDA_FUNCTION_NAME\").is_some() {
        return lambda_runtime::tracing::init_default_subscriber();
    }
    let level = env::var(\"AWS_LAMBDA_LOG_LEVEL\");\n",
}];
const DEBUG_EVENTS: [Edit; 2] = [
    Edit {
        file: "Cargo.toml",
        from: ", features = [\"release_max_level_off\"]",
        to: "",
    },
    Edit {
        file: "Cargo.toml",
        from: ", features = [\"release_max_level_info\"]",
        to: "",
    },
];
const UNICODE_HOSTS: [Edit; 1] = [Edit {
    file: "Cargo.toml",
    from: "idna_adapter = \"=1.0.0\"",
    to: "idna_adapter = \"1.2\"",
}];

pub static BUILDS: [Build; 17] = [
    Build::profile(TODAY, "the build as it is", &[]),
    Build::profile(
        "lto-off",
        "no link-time optimization",
        &[("CARGO_PROFILE_RELEASE_LTO", "off")],
    )
    .because("Larger and slower."),
    Build::profile(
        "lto-thin",
        "thin link-time optimization",
        &[("CARGO_PROFILE_RELEASE_LTO", "thin")],
    )
    .because("Larger and slower."),
    Build::profile(
        "codegen-units-16",
        "16 code generation units",
        &[("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16")],
    )
    .because("Larger, and no faster."),
    Build::profile(
        "panic-abort",
        "a panic ends the process",
        &[("CARGO_PROFILE_RELEASE_PANIC", "abort")],
    )
    .because("A panic would end the process, instead of an error that names the step."),
    Build::profile(
        "opt-level-s",
        "optimized for size, with loops vectorized",
        &[("CARGO_PROFILE_RELEASE_OPT_LEVEL", "s")],
    )
    .because("Fewer instructions, but the largest package hardly has room within its target."),
    Build::profile(
        "opt-level-3",
        "optimized for speed",
        &[("CARGO_PROFILE_RELEASE_OPT_LEVEL", "3")],
    )
    .because("Faster by less than a millisecond, but much larger."),
    Build::change("aws-lc", "aws-lc instead of ring", &[], &AWS_LC).because(
        "Collects entropy from CPU jitter at the first connection, which takes longer than all else.",
    ),
    // https://github.com/aws/aws-lc-rs/issues/899
    Build::change(
        "aws-lc-without-jitter",
        "aws-lc without its entropy from CPU jitter",
        &[("AWS_LC_SYS_NO_JITTER_ENTROPY", "1")],
        &AWS_LC,
    )
    .because("Larger, with more instructions."),
    // With a copy of the system's authorities, as the crate webpki-root-certs would have it.
    Build::change(
        "embedded-roots",
        "the system's certificate authorities in the program",
        &[("ENVCACHE_ROOTS", "{bundle}")],
        &EMBEDDED_ROOTS,
    )
    .because("Larger and slower, and a new list of authorities would need a deployment."),
    Build::change(
        "embedded-root",
        "only one certificate authority, in the program",
        &[("ENVCACHE_ROOTS", "{authority}")],
        &EMBEDDED_ROOTS,
    )
    .because(
        "Faster by about a millisecond, because it parses one certificate. But calls fail if an endpoint \
         has a certificate of another authority.",
    ),
    Build::change(
        "first-call",
        "one more call, during the init phase",
        &[],
        &FIRST_CALL,
    )
    .because("The start isn't shorter, and makes one more call."),
    Build::change(
        "default-chain",
        "credentials from aws-config's chain of sources, not only from the environment",
        &[],
        &DEFAULT_CHAIN,
    )
    .because("Larger, with more instructions. Lambda sets the credentials in the environment."),
    Build::change(
        "default-features",
        "as `default-chain`, and aws-config with its default features, such as SSO",
        &[],
        &DEFAULT_FEATURES,
    )
    .because("Much larger, with more instructions."),
    Build::change(
        "env-filter",
        "a log filter with regular expressions, which `lambda_runtime` has by default",
        &[],
        &ENV_FILTER,
    )
    .because("Larger. The log has one level for all of envcache's events."),
    Build::change(
        "debug-events",
        "the log events of all crates, of which only those from `INFO` on are ever shown",
        &[],
        &DEBUG_EVENTS,
    )
    .because("Larger."),
    Build::change(
        "unicode-hosts",
        "the Unicode tables of host names, which `url` has by default",
        &[],
        &UNICODE_HOSTS,
    )
    .because("Larger. AWS's host names are ASCII."),
];

impl Build {
    const fn profile(
        name: &'static str,
        what: &'static str,
        environment: &'static [(&'static str, &'static str)],
    ) -> Self {
        Self::change(name, what, environment, &[])
    }

    const fn change(
        name: &'static str,
        what: &'static str,
        environment: &'static [(&'static str, &'static str)],
        edits: &'static [Edit],
    ) -> Self {
        Self {
            name,
            what,
            verdict: "",
            environment,
            edits,
        }
    }

    const fn because(mut self, verdict: &'static str) -> Self {
        self.verdict = verdict;
        self
    }
}

impl Edit {
    /// Returns the changed text of the file.
    ///
    /// # Errors
    /// Returns an error unless the text contains `from` exactly once.
    pub fn apply(&self, text: &str) -> Result<String> {
        let Self { file, from, to } = self;
        ensure!(
            text.matches(from).count() == 1,
            "{file} doesn't contain this exactly once: {from}"
        );
        Ok(text.replace(from, to))
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use local::Workspace;

    use super::{BUILDS, Edit, TODAY};

    #[test]
    fn every_edit_still_applies() {
        for build in &BUILDS {
            for edit in build.edits {
                let path = Workspace::root().join(edit.file);
                let text = fs::read_to_string(path).expect("the file");

                let edited = edit.apply(&text).expect(build.name);

                assert_ne!(edited, text, "{}", build.name);
            }
        }
    }

    #[test]
    fn every_option_has_a_verdict() {
        for build in &BUILDS {
            assert_eq!(
                build.verdict.is_empty(),
                build.name == TODAY,
                "{}",
                build.name
            );
        }
    }

    #[test]
    fn rejects_an_edit_that_is_ambiguous() {
        let edit = Edit {
            file: "a.rs",
            from: "ring",
            to: "aws-lc",
        };

        assert_eq!(edit.apply("use ring;").expect("once"), "use aws-lc;");
        assert!(edit.apply("use ring::ring;").is_err());
        assert!(edit.apply("").is_err());
    }
}
