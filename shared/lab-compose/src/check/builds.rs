//! Images that two services would build in different ways.

use std::collections::BTreeMap;

use lab_types::ServiceName;

use crate::codes;
use crate::project::{Build, Service};
use crate::sink::{Finding, Place, Sink};

/// Reports each service whose image another builds from something else: only one of them would be built,
/// and both would run it.
pub(crate) fn report(
    services: &BTreeMap<ServiceName, Service>,
    image_of: impl Fn(&ServiceName, &Service) -> String,
    place_of: impl Fn(&ServiceName) -> Option<Place>,
    sink: &mut Sink,
) {
    let mut first: BTreeMap<String, (&ServiceName, &Build)> = BTreeMap::new();
    for (name, service) in services {
        let Some(build) = &service.build else {
            continue;
        };
        let image = image_of(name, service);
        let (other, built) = *first.entry(image.clone()).or_insert((name, build));
        if built == build {
            continue;
        }
        let message = format!(
            "the services `{other}` and `{name}` build the image {image} from different things"
        );
        let mut finding = Finding::refusal(codes::IMAGE_BUILT_TWICE, place_of(name), message)
            .help("give one of them another `image`");
        if let Some(place) = place_of(other) {
            finding = finding.related(place);
        }
        sink.add(finding);
    }
}
