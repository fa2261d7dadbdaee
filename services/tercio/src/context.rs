//! Which lab a command speaks to, and as whom: flags, then variables, then this machine's lab.

use std::path::{Path, PathBuf};

use lab_types::UserName;

use crate::failure::{Failure, Outcome};
use crate::lab::file::LabFile;

/// The variable that names the lab's address.
pub const NATS_URL_VARIABLE: &str = "TERCIO_NATS_URL";
/// The variable that names the credentials.
pub const CREDS_VARIABLE: &str = "TERCIO_CREDS";
/// The variable that names the user.
pub const USER_VARIABLE: &str = "TERCIO_USER";

/// What one source says about the lab to speak to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wish {
    /// Where.
    pub nats_url: Option<String>,
    /// With which credentials.
    pub creds: Option<PathBuf>,
    /// As whom.
    pub user: Option<UserName>,
}

impl Wish {
    /// What the environment says; an empty variable says nothing.
    ///
    /// # Errors
    /// A user's name that is none.
    pub fn of_environment(variable: impl Fn(&str) -> Option<String>) -> Outcome<Self> {
        let set = |name| variable(name).filter(|value| !value.is_empty());
        let user = set(USER_VARIABLE).map(UserName::new).transpose();
        Ok(Self {
            nats_url: set(NATS_URL_VARIABLE),
            creds: set(CREDS_VARIABLE).map(PathBuf::from),
            user: user.map_err(|invalid| Failure::Usage(format!("{USER_VARIABLE}: {invalid}")))?,
        })
    }

    fn or(self, other: Self) -> Self {
        Self {
            nats_url: self.nats_url.or(other.nats_url),
            creds: self.creds.or(other.creds),
            user: self.user.or(other.user),
        }
    }
}

/// A lab to speak to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Context {
    /// Where; several addresses of one lab are separated by commas.
    pub nats_url: String,
    /// With which credentials.
    pub creds: PathBuf,
    /// As whom; absent means the name in the credentials.
    pub user: Option<UserName>,
    /// Whether all of it comes from this machine's own lab.
    pub local: bool,
}

/// Decides which lab to speak to; nothing when none is configured and this machine has none.
///
/// # Errors
/// An address without credentials for it.
pub fn resolve(
    flags: Wish,
    environment: Wish,
    lab: Option<&LabFile>,
    creds_of: impl Fn(&UserName) -> Option<PathBuf>,
) -> Outcome<Option<Context>> {
    let asked = flags.or(environment);
    let local = asked.nats_url.is_none() && asked.creds.is_none();
    // Credentials of this machine's lab go to this machine's lab alone.
    let elsewhere = lab.is_none_or(|lab| {
        let url = asked.nats_url.as_ref();
        url.is_some_and(|url| *url != lab.nats_url)
    });
    let own = lab.filter(|_| !elsewhere);
    let own_creds = own.and(asked.user.as_ref()).and_then(creds_of);
    let nats_url = asked
        .nats_url
        .or_else(|| lab.map(|lab| lab.nats_url.clone()));
    let Some(nats_url) = nats_url else {
        return match asked.creds {
            None => Ok(None),
            Some(creds) => Err(Failure::new(
                "CLI0001",
                format!("there are credentials ({}) but no address", creds.display()),
                "name the lab's address with -H or TERCIO_NATS_URL",
            )),
        };
    };
    let user_of_lab = match (&asked.creds, &asked.user) {
        (None, None) => own.map(|lab| lab.user.clone()),
        _ => None,
    };
    let creds = asked
        .creds
        .or(own_creds)
        .or_else(|| own.map(|lab| lab.creds.clone()));
    match creds {
        Some(creds) => Ok(Some(Context {
            nats_url,
            creds,
            user: asked.user.or(user_of_lab),
            local,
        })),
        None => Err(Failure::new(
            "CLI0001",
            format!("there is an address ({nats_url}) but no credentials"),
            "name a .creds file with --creds or TERCIO_CREDS; `tercio lab init --user NAME` makes one",
        )),
    }
}

/// The credentials of `user` that this machine's lab has issued.
#[must_use]
pub fn issued_creds(state_dir: &Path, user: &UserName) -> Option<PathBuf> {
    let path = state_dir.join("creds").join(format!("{user}.creds"));
    path.is_file().then_some(path)
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use lab_types::UserName;

    use super::{Context, Wish, resolve};
    use crate::failure::Failure;
    use crate::lab::file::LabFile;

    fn wish(url: &str, creds: &str, user: &str) -> Wish {
        let set = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        Wish {
            nats_url: set(url),
            creds: set(creds).map(PathBuf::from),
            user: set(user).map(|name| UserName::new(name).unwrap()),
        }
    }

    fn lab() -> LabFile {
        LabFile::new(
            "nats://local",
            "/lab/admin.creds",
            UserName::new("admin").unwrap(),
        )
    }

    fn words(context: &Context) -> String {
        let user = context.user.as_ref().map_or("-", UserName::as_str);
        let local = if context.local { "local" } else { "asked" };
        format!(
            "{} {} {user} {local}",
            context.nats_url,
            context.creds.display()
        )
    }

    fn resolved(flags: Wish, environment: Wish, lab: Option<&LabFile>) -> String {
        let issued =
            |user: &UserName| (user.as_str() == "vera").then(|| PathBuf::from("/lab/vera.creds"));
        match resolve(flags, environment, lab, issued) {
            Ok(Some(context)) => words(&context),
            Ok(None) => "none".to_owned(),
            Err(Failure::Problem(problem)) => problem.code.to_string(),
            Err(_) => "other".to_owned(),
        }
    }

    #[test]
    fn flags_go_before_variables_and_those_before_the_machines_lab() {
        let lab = lab();
        let none = Wish::default;
        assert_eq!(
            resolved(none(), none(), Some(&lab)),
            "nats://local /lab/admin.creds admin local"
        );
        let environment = wish("nats://env", "/env.creds", "");
        assert_eq!(
            resolved(none(), environment.clone(), Some(&lab)),
            "nats://env /env.creds - asked"
        );
        assert_eq!(
            resolved(wish("nats://flag", "", "bob"), environment, Some(&lab)),
            "nats://flag /env.creds bob asked"
        );
    }

    #[test]
    fn a_user_of_the_machines_lab_is_found_by_name() {
        assert_eq!(
            resolved(wish("", "", "vera"), Wish::default(), Some(&lab())),
            "nats://local /lab/vera.creds vera local"
        );
    }

    #[test]
    fn the_machines_credentials_go_to_no_other_lab() {
        let lab = lab();
        let elsewhere = |flags| resolved(flags, Wish::default(), Some(&lab));
        assert_eq!(elsewhere(wish("nats://prod", "", "")), "CLI0001");
        assert_eq!(elsewhere(wish("nats://prod", "", "vera")), "CLI0001");
        assert_eq!(
            elsewhere(wish("nats://local", "", "")),
            "nats://local /lab/admin.creds admin asked"
        );
        assert_eq!(
            elsewhere(wish("", "/x.creds", "")),
            "nats://local /x.creds - asked"
        );
    }

    #[test]
    fn half_a_context_is_refused_and_none_at_all_is_none() {
        let none = Wish::default;
        assert_eq!(resolved(none(), none(), None), "none");
        assert_eq!(resolved(wish("nats://x", "", ""), none(), None), "CLI0001");
        assert_eq!(resolved(wish("", "/x.creds", ""), none(), None), "CLI0001");
    }

    #[test]
    fn an_empty_variable_says_nothing_and_a_bad_name_is_refused() {
        let read = |user: &str| {
            let user = user.to_owned();
            Wish::of_environment(move |name| {
                Some(if name == "TERCIO_USER" {
                    user.clone()
                } else {
                    String::new()
                })
            })
        };
        assert_eq!(read("").unwrap(), Wish::default());
        assert!(matches!(read("a.b"), Err(Failure::Usage(_))));
    }
}
