//! What a project is called, and where its variables come from.

use std::collections::BTreeMap;

use lab_compose::{EnvMap, LoadOptions, MemorySource, Recording, SourceFile, load};

const FILE: &str =
    "name: ${NAME:-from-file}\nservices: {w: {image: \"a:${COMPOSE_PROJECT_NAME}-$V\"}}\n";

struct Setting<'a> {
    option: Option<&'a str>,
    env: &'a [(&'a str, &'a str)],
    dotenv: &'a str,
    file: &'a str,
}

const PLAIN: Setting<'static> = Setting {
    option: None,
    env: &[],
    dotenv: "V=v",
    file: FILE,
};

/// The name and the image of service `w`, or the first finding.
fn loaded(setting: &Setting<'_>) -> Result<(String, String), String> {
    let beside = BTreeMap::from([(".env".to_owned(), setting.dotenv.to_owned())]);
    let source = MemorySource::new("/srv/My_Dir.x", beside);
    let env: EnvMap = setting
        .env
        .iter()
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
        .collect();
    let options = LoadOptions {
        project_name: setting.option.map(str::to_owned),
        project_dir: "/srv/My_Dir.x".to_owned(),
        ..LoadOptions::default()
    };
    let files = [SourceFile::new("compose.yml", setting.file)];
    let (project, findings) = load(&files, &source, &env, &options).to_apply();
    match project {
        Some(project) => {
            let service = project.services.values().next().expect("one service");
            let image = service.image.clone().expect("an image");
            Ok((project.name.to_string(), image))
        }
        None => Err(format!("{} {}", findings[0].code, findings[0].message)),
    }
}

#[test]
fn the_option_wins_over_the_environment_over_the_file_over_the_folder() {
    let name = |setting: &Setting<'_>| loaded(setting).unwrap().0;
    let env: &[_] = &[("COMPOSE_PROJECT_NAME", "from-env")];
    assert_eq!(
        name(&Setting {
            option: Some("from-option"),
            env,
            ..PLAIN
        }),
        "from-option"
    );
    assert_eq!(name(&Setting { env, ..PLAIN }), "from-env");
    let dotenv = "COMPOSE_PROJECT_NAME=from-dotenv";
    assert_eq!(name(&Setting { dotenv, ..PLAIN }), "from-dotenv");
    assert_eq!(name(&PLAIN), "from-file");
    assert_eq!(
        name(&Setting {
            env: &[("NAME", "by-variable")],
            ..PLAIN
        }),
        "by-variable"
    );
    let file = "services: {w: {image: a}}";
    assert_eq!(name(&Setting { file, ..PLAIN }), "my_dirx");
}

#[test]
fn names_from_outside_must_already_fit() {
    let refused = loaded(&Setting {
        option: Some("Shop"),
        ..PLAIN
    })
    .unwrap_err();
    assert_eq!(
        refused,
        "CMP0030 the name given with -p, \"Shop\", is not a project name"
    );
    let env: &[_] = &[("COMPOSE_PROJECT_NAME", "a.b")];
    let refused = loaded(&Setting { env, ..PLAIN }).unwrap_err();
    assert_eq!(
        refused,
        "CMP0030 COMPOSE_PROJECT_NAME, \"a.b\", is not a project name"
    );
}

#[test]
fn the_name_is_a_variable_and_the_callers_variables_win_over_dotenv() {
    assert_eq!(loaded(&PLAIN).unwrap().1, "a:from-file-v");
    let env: &[_] = &[("V", "outer")];
    assert_eq!(
        loaded(&Setting { env, ..PLAIN }).unwrap().1,
        "a:from-file-outer"
    );
    let env: &[_] = &[("COMPOSE_DISABLE_ENV_FILE", "1")];
    assert_eq!(loaded(&Setting { env, ..PLAIN }).unwrap().1, "a:from-file-");
}

#[test]
fn named_environment_files_replace_dotenv_and_must_exist() {
    let beside = [
        (".env", "V=dot"),
        ("one.env", "V=one\nW=$V"),
        ("two.env", "V=two"),
    ];
    let beside = beside
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .into();
    let source = MemorySource::new("/p", beside);
    let run = |env_files: &[&str]| {
        let options = LoadOptions {
            project_dir: "/p".to_owned(),
            env_files: env_files.iter().map(ToString::to_string).collect(),
            ..LoadOptions::default()
        };
        let files = [SourceFile::new(
            "compose.yml",
            "services: {w: {image: \"$V:$W\"}}",
        )];
        load(&files, &source, &EnvMap::new(), &options).to_apply()
    };
    let (project, _) = run(&["one.env", "two.env"]);
    let image = project
        .unwrap()
        .services
        .into_values()
        .next()
        .unwrap()
        .image;
    assert_eq!(image.as_deref(), Some("two:one"));
    let (project, findings) = run(&["gone.env"]);
    assert!(project.is_none());
    assert_eq!(
        findings.last().unwrap().message,
        "the environment file gone.env does not exist"
    );
}

#[test]
fn what_one_machine_recorded_is_all_that_another_needs() {
    let beside = [(".env", "V=dot"), ("sub/a.env", "A=$V"), ("unused.env", "")];
    let beside = beside
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .into();
    let disk = MemorySource::new("/p", beside);
    let recording = Recording::new(&disk);
    let files = [SourceFile::new(
        "compose.yml",
        "services: {w: {image: a, env_file: ./sub/a.env}}",
    )];
    let options = LoadOptions {
        project_dir: "/p".to_owned(),
        ..LoadOptions::default()
    };
    let here = load(&files, &recording, &EnvMap::new(), &options).to_apply();
    let sent = recording.into_files();
    assert_eq!(sent.keys().collect::<Vec<_>>(), ["/p/.env", "/p/sub/a.env"]);
    let there = load(
        &files,
        &MemorySource::new("/p", sent),
        &EnvMap::new(),
        &options,
    )
    .to_apply();
    assert_eq!(here, there);
    assert!(here.0.is_some());
}

#[test]
fn the_paths_of_the_files_start_from_the_current_folder() {
    let options = LoadOptions {
        project_dir: "/work/sub".to_owned(),
        current_dir: Some("/work".to_owned()),
        ..LoadOptions::default()
    };
    let files = [SourceFile::new(
        "sub/compose.yml",
        "services: {w: {image: a}}",
    )];
    let source = MemorySource::default();
    let (project, _) = load(&files, &source, &EnvMap::new(), &options).to_apply();
    assert_eq!(project.unwrap().config_files, ["/work/sub/compose.yml"]);
}

#[test]
fn a_path_from_home_needs_a_home() {
    let options = LoadOptions {
        project_dir: "/p".to_owned(),
        ..LoadOptions::default()
    };
    let file = "services: {w: {image: \"a:$PWD\", volumes: [\"~/x:/x\"]}}";
    let run = |env: &EnvMap| {
        load(
            &[SourceFile::new("compose.yml", file)],
            &MemorySource::default(),
            env,
            &options,
        )
        .to_apply()
    };
    let (project, findings) = run(&EnvMap::new());
    assert!(project.is_none());
    assert_eq!(
        findings[0].message,
        "\"~/x\" starts at the home folder, and HOME is not set"
    );
    let (project, _) = run(&EnvMap::from([("HOME".to_owned(), "/h".to_owned())]));
    let mounts = project
        .unwrap()
        .services
        .into_values()
        .next()
        .unwrap()
        .mounts;
    let expected = lab_compose::project::ServiceMountSource::Bind {
        path: "/h/x".to_owned(),
        create_host_path: true,
        options: lab_types::BindOptions::default(),
    };
    assert_eq!(mounts[0].source, expected);
}

#[test]
fn the_current_folders_variables_count_only_where_the_files_were_not_named() {
    let image = |files_named: bool| {
        let beside = [
            ("/w/.env", "HERE=here\nBOTH=here"),
            ("/w/sub/.env", "THERE=$HERE\nBOTH=there"),
        ];
        let beside = beside.map(|(path, text)| (path.to_owned(), text.to_owned()));
        let source = MemorySource::new("/w", beside.into());
        let options = LoadOptions {
            project_dir: "/w/sub".to_owned(),
            current_dir: Some("/w".to_owned()),
            files_named,
            ..LoadOptions::default()
        };
        let text = "services: {w: {image: \"a:$HERE-$THERE-$BOTH\"}}";
        let files = [SourceFile::new("sub/compose.yml", text)];
        let (project, _) = load(&files, &source, &EnvMap::new(), &options).to_apply();
        project.unwrap().services.into_values().next()?.image
    };
    // As the real tool: with `COMPOSE_FILE=sub/compose.yml`, and with `-f sub/compose.yml`.
    assert_eq!(image(false).as_deref(), Some("a:here-here-here"));
    assert_eq!(image(true).as_deref(), Some("a:--there"));
}

#[test]
fn environment_files_are_looked_for_where_the_user_is() {
    let image = |beside: &[(&str, &str)], env_files: &[&str], env: &[(&str, &str)]| {
        let owned = |pairs: &[(&str, &str)]| -> BTreeMap<String, String> {
            let pairs = pairs.iter();
            pairs
                .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
                .collect()
        };
        let source = MemorySource::new("/w/deploy", owned(beside));
        let options = LoadOptions {
            project_dir: "/w/deploy".to_owned(),
            current_dir: Some("/w".to_owned()),
            env_files: env_files.iter().map(ToString::to_string).collect(),
            ..LoadOptions::default()
        };
        let text = "services: {w: {image: \"a:$HERE-$THERE\"}}";
        let files = [SourceFile::new("deploy/compose.yml", text)];
        let (project, _) = load(&files, &source, &owned(env), &options).to_apply();
        let services = project.map(|project| project.services);
        services.and_then(|services| services.into_values().next()?.image)
    };
    let both = [
        ("/w/.env", "HERE=here"),
        ("/w/deploy/.env", "HERE=project\nTHERE=project"),
        ("/w/prod.env", "HERE=prod"),
    ];
    assert_eq!(image(&both, &[], &[]).unwrap(), "a:here-project");
    assert_eq!(image(&both, &["prod.env"], &[]).unwrap(), "a:prod-");
    let variable = [("COMPOSE_ENV_FILES", "prod.env, deploy/.env")];
    assert_eq!(image(&both, &[], &variable).unwrap(), "a:project-project");
    assert_eq!(image(&both, &[".env"], &variable).unwrap(), "a:here-");
    assert_eq!(image(&both, &["gone.env"], &[]), None);
}
