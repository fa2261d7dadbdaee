//! How an image is built.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::ids::ServiceName;

/// How to build an image.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BuildOptions {
    /// The name and tag it gets.
    pub tag: String,
    /// The Dockerfile's path inside the context.
    pub dockerfile: String,
    /// Build arguments.
    #[serde(default)]
    pub args: BTreeMap<String, String>,
    /// Labels of the image.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// Whether to use no cached step.
    #[serde(default)]
    pub no_cache: bool,
    /// Whether to pull the base image again.
    #[serde(default)]
    pub pull: bool,
}

/// How the client builds one image of a plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BuildInstruction {
    /// For which service.
    pub service: ServiceName,
    /// The absolute folder of the context, on the client's machine.
    pub context: String,
    /// Tag, Dockerfile, arguments.
    pub options: BuildOptions,
}
