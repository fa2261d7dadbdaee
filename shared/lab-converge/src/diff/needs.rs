//! What a task needs on the node before its container can be made.

use lab_types::{AssignedTask, EngineName, MountSource, Problem, TaskSpec};

use super::DiffPass;
use crate::action::{ActionKind, Cause, Subject};
use crate::codes::ENGINE_TOO_OLD;
use crate::labels;
use crate::observed::Owner;

/// Whether a task's container can be made.
pub(super) enum Need {
    /// It can, under this name and from this image.
    Met { name: EngineName, image: String },
    /// Not yet, because.
    Wait(String),
    /// Never on this node, because.
    Never(String),
}

impl DiffPass<'_> {
    /// Makes the networks of the assignment that are not there.
    pub(super) fn make_networks(&mut self) {
        if !self.may_start() {
            return;
        }
        let ledger = self.ledger;
        for (name, network) in &ledger.assignment.networks {
            if !network.spec.external && !self.observed.networks.contains_key(name) {
                let labels = labels::network(&ledger.lab, &network.project, &network.spec);
                let name = name.clone();
                self.act(ActionKind::CreateNetwork { name, labels }, Cause::Missing);
            }
        }
    }

    /// Makes the volumes of a task that are not there. Only for a task that can run here otherwise: an
    /// empty volume that is left behind would look like data to whoever places the next try.
    fn make_volumes(&mut self, spec: &TaskSpec) {
        let ledger = self.ledger;
        for mount in &spec.mounts {
            let MountSource::Volume {
                engine_name: name, ..
            } = &mount.source
            else {
                continue;
            };
            let Some(volume) = ledger.assignment.volumes.get(name) else {
                continue;
            };
            let goes = ledger.assignment.remove_volumes.contains_key(name);
            if !volume.spec.external && !goes && !self.observed.volumes.contains_key(name) {
                let labels = labels::volume(&ledger.lab, &volume.project, &volume.spec);
                let name = name.clone();
                self.act(ActionKind::CreateVolume { name, labels }, Cause::Missing);
            }
        }
    }

    /// What stands between a task and its container; asks for what can be asked for.
    pub(super) fn need(&mut self, task: &AssignedTask, spec: &TaskSpec) -> Need {
        let name = match labels::container_name(task) {
            Ok(name) => name,
            Err(invalid) => return Need::Never(invalid.to_string()),
        };
        if let Some(problem) = self.engine_is_too_old(spec) {
            return Need::Never(problem.to_string());
        }
        let image = self.image_is_there(spec, &name);
        let found = [
            self.name_is_free(&name),
            self.networks_are_there(spec),
            self.volumes_are_there(spec),
        ];
        let is_held_up = found[0].is_err() || image.is_err();
        let mut waits = Vec::new();
        for need in found.into_iter().chain([image]) {
            match need {
                Ok(()) => {}
                Err(Lack::Never(words)) => return Need::Never(words),
                Err(Lack::Yet(words)) => waits.push(words),
            }
        }
        if !is_held_up {
            self.make_volumes(spec);
        }
        if waits.is_empty() {
            let image = spec.engine_image().to_owned();
            Need::Met { name, image }
        } else {
            Need::Wait(waits.join("; "))
        }
    }

    /// An engine drops what it does not know without a word: the container would be another one.
    fn engine_is_too_old(&self, spec: &TaskSpec) -> Option<Problem> {
        let words = spec.too_new_for(self.observed.facts.as_ref()?)?;
        let message = format!("this node's {words}; update it, or take these attributes out");
        Some(Problem::new(ENGINE_TOO_OLD, message))
    }

    fn name_is_free(&self, name: &EngineName) -> Result<(), Lack> {
        if let Some(owner) = self.observed.foreign_containers.get(name.as_str()) {
            return Err(Lack::Never(format!(
                "the name {name} is taken by a container {owner}; remove or rename that container, \
                 then start the service again"
            )));
        }
        let holder = self
            .observed
            .containers
            .values()
            .find(|held| held.name == name.as_str());
        match holder {
            Some(_) => Err(Lack::Yet(format!(
                "waits until the previous {name} is gone"
            ))),
            None => Ok(()),
        }
    }

    fn networks_are_there(&self, spec: &TaskSpec) -> Result<(), Lack> {
        spec.networks.iter().try_for_each(|attachment| {
            let name = &attachment.engine_name;
            let desired = self.ledger.assignment.networks.get(name);
            let object = Object {
                noun: "network",
                name,
                external: desired.map(|network| network.spec.external),
                owner: self
                    .observed
                    .networks
                    .get(name)
                    .map(|network| &network.owner),
            };
            self.is_there(&object, &Subject::Network(name.clone()))
        })
    }

    fn volumes_are_there(&self, spec: &TaskSpec) -> Result<(), Lack> {
        spec.mounts
            .iter()
            .try_for_each(|mount| match &mount.source {
                MountSource::Volume {
                    engine_name: name, ..
                } => {
                    let desired = self.ledger.assignment.volumes.get(name);
                    let object = Object {
                        noun: "volume",
                        name,
                        external: desired.map(|volume| volume.spec.external),
                        owner: self.observed.volumes.get(name).map(|volume| &volume.owner),
                    };
                    self.is_there(&object, &Subject::Volume(name.clone()))
                }
                MountSource::Anonymous { .. }
                | MountSource::Bind { .. }
                | MountSource::Tmpfs { .. } => Ok(()),
            })
    }

    fn is_there(&self, object: &Object<'_>, subject: &Subject) -> Result<(), Lack> {
        let Object {
            noun,
            name,
            external,
            owner,
        } = object;
        let failure = self.calls.failed.get(subject);
        match (external, owner) {
            (None, _) => Err(Lack::Never(format!(
                "the assignment does not say what {noun} {name} is"
            ))),
            (Some(true), Some(_)) => Ok(()),
            (Some(true), None) => Err(Lack::Never(format!(
                "the external {noun} {name} is not on this node; make it with `docker {noun} create \
                 {name}`, then start the service again"
            ))),
            (Some(false), Some(owner)) if owner.is_ours() => Ok(()),
            (Some(false), Some(owner)) => Err(Lack::Never(taken(noun, name, owner))),
            (Some(false), None) => match failure {
                Some(failure) if !failure.retryable => Err(Lack::Never(format!(
                    "the {noun} {name} cannot be made: {}",
                    failure.message
                ))),
                Some(failure) => Err(Lack::Yet(format!(
                    "waits for the {noun} {name}: {}",
                    failure.message
                ))),
                None => Err(Lack::Yet(format!("waits for the {noun} {name}"))),
            },
        }
    }

    fn image_is_there(&mut self, spec: &TaskSpec, container: &EngineName) -> Result<(), Lack> {
        let image = &spec.image;
        let wanted = spec.image_id.as_ref().unwrap_or(image);
        if !self.calls.looked_for.contains(wanted) {
            return Err(Lack::Yet(format!("looks for the image {image}")));
        }
        if self.observed.images.contains(wanted) {
            return Ok(());
        }
        if let Some(id) = &spec.image_id {
            return Err(self.fetch(image, id, container));
        }
        let failure = self.calls.failed.get(&Subject::Image(image.clone()));
        if let Some(failure) = failure.filter(|failure| !failure.retryable) {
            let message = &failure.message;
            return Err(Lack::Never(format!(
                "the image {image} cannot be pulled: {message}"
            )));
        }
        let cause = Cause::NeededBy {
            container: container.to_string(),
        };
        self.act(
            ActionKind::PullImage {
                image: image.clone(),
            },
            cause,
        );
        Err(Lack::Yet(match failure {
            Some(failure) => format!("the image {image} was not pulled yet: {}", failure.message),
            None => format!("waits for the image {image}"),
        }))
    }

    /// Asks for an image that was built in the lab and is on another node. No registry is asked: under
    /// its name one might have anything.
    fn fetch(&mut self, image: &str, id: &str, container: &EngineName) -> Lack {
        let subject = Subject::Image(id.to_owned());
        let failure = self.calls.failed.get(&subject);
        if let Some(failure) = failure.filter(|failure| !failure.retryable) {
            return Lack::Never(format!(
                "the image {image} that was built for this service ({id}) cannot be had: {}",
                failure.message
            ));
        }
        let kind = ActionKind::FetchImage {
            image: image.to_owned(),
            id: id.to_owned(),
        };
        let cause = Cause::NeededBy {
            container: container.to_string(),
        };
        self.act(kind, cause);
        let busy = self.calls.busy.get(&subject);
        let words = busy.and_then(|busy| busy.words.as_deref());
        let words = words.or(failure.map(|failure| failure.message.as_str()));
        Lack::Yet(match words {
            Some(words) => format!("waits for the image {image}: {words}"),
            None => format!("waits for the image {image} from another node"),
        })
    }
}

/// A network or volume that a task needs.
struct Object<'a> {
    noun: &'static str,
    name: &'a EngineName,
    /// Whether the assignment calls it external; `None` when the assignment does not have it.
    external: Option<bool>,
    owner: Option<&'a Owner>,
}

/// Why something is not there.
enum Lack {
    /// It may come.
    Yet(String),
    /// It will not.
    Never(String),
}

/// docker-compose's own networks and volumes are refused too, even of a project of the same name:
/// two tools that both believe to own a thing end with one of them removing it.
fn taken(noun: &str, name: &EngineName, owner: &Owner) -> String {
    let way_out = match owner {
        Owner::Compose { .. } if noun == "network" => "take that project down with docker-compose",
        Owner::Compose { .. }
        | Owner::Foreign
        | Owner::OtherLab { .. }
        | Owner::OtherNode { .. }
        | Owner::Ours { .. } => "give yours another `name`",
    };
    format!(
        "the {noun} {name} is there already, {owner}, and is left alone; {way_out}, or mark it \
         `external: true` to use it as it is"
    )
}
