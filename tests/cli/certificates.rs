//! Client certificates of virtual users, as nginx sees them.

use std::fs;
use std::path::Path;

use crate::authority::Authority;
use crate::nginx::Nginx;
use crate::support::{MODES, count, folder, is_installed, run, run_in, scenario};

const USERS: [&str; 4] = ["ann", "bob", "cy", "dee"];

/// Lets nginx require certificates, and log whose they are.
fn with_certificates(configuration: String) -> String {
    let tls = " ssl;\nssl_certificate server.pem;\nssl_certificate_key server.key;\nssl_client_certificate ca.pem;\n\
               ssl_verify_client on;\nssl_session_cache shared:s:1m;\nroot";
    configuration.replace(";\nroot", tls).replace(
        "'$request_method $uri $status $connection",
        "'$ssl_client_s_dn $args $status $connection $ssl_session_reused",
    )
}

/// The same over HTTP/2.
fn over_http2(configuration: String) -> String {
    with_certificates(configuration).replace(" ssl;", " ssl http2;")
}

/// Writes certificates and rows that name them.
fn files(authority: &Authority, folder: &Path, server: &Path) {
    authority.sign(&["127.0.0.1"]).write(server, "server");
    for at in [folder, server] {
        fs::write(at.join("ca.pem"), &authority.pem).expect("written");
    }
    let mut rows = "name,key\n".to_owned();
    for user in USERS {
        authority.of_user(user).write(folder, user);
        rows += &format!("{user},{user}.key\n");
    }
    fs::write(folder.join("users.csv"), rows).expect("written");
}

fn text(port: u16, data: &str, http: &str, flow: &str, load: &str) -> String {
    format!(
        "{{name: t, data: {{users: {{file: users.csv{data}}}}}, load: {load}, mix: [{{name: m, data: users, flow: [{flow}]}}], \
         targets: {{shop: {{url: 'https://127.0.0.1:{port}', http: {{{http}}}, tls: {{ca: ca.pem, cert: '{{{{users.name}}}}.pem', key: '{{{{users.key}}}}'}}}}}}}}"
    )
}

const GET: &str = "{get: '/hello?{{users.name}}'}";

/// Checks that each request carries the certificate of the user whose row it belongs to, and returns
/// how many connections there were, and on how many requests a session was resumed.
#[track_caller]
fn check(nginx: &Nginx, before: &mut usize, wanted: u64) -> (usize, usize) {
    let logged = nginx.logged(*before, wanted);
    assert_eq!(logged.len() as u64, wanted);
    *before += logged.len();
    let mut connections = std::collections::BTreeSet::new();
    let mut resumed = 0;
    for line in &logged {
        let [dn, name, status, connection, reused, ..] = line.split(' ').collect::<Vec<_>>()[..]
        else {
            panic!("{line}")
        };
        assert_eq!((dn, status), (&*format!("CN={name}"), "200"), "{line}");
        connections.insert(connection.to_owned());
        resumed += usize::from(reused == "r");
    }
    (connections.len(), resumed)
}

#[test]
fn each_user_presents_its_own_certificate() {
    if !is_installed("nginx", "nginx-light") {
        return;
    }
    let authority = Authority::new();
    for (configure, http) in [
        (with_certificates as fn(String) -> String, "protocol: http1"),
        (over_http2, "protocol: http2"),
    ] {
        let (folder, own, mut before) = (folder(), folder(), 0);
        files(&authority, folder.path(), own.path());
        let nginx = Nginx::configured(own.path(), configure);
        let load = "{vus: 4, iterations_per_vu: 20}";
        // Each user has one row, and keeps its connection.
        scenario(
            folder.path(),
            &text(nginx.port, ", split: by_user", http, GET, load),
        );
        for mode in MODES {
            let run = run_in(folder.path(), mode);
            assert_eq!(
                (count(&run, "ok"), count(&run, "failed")),
                (80, 0),
                "{mode} {http}: {}",
                run["errors"]
            );
            assert_eq!(check(&nginx, &mut before, 80).0, 4, "{mode} {http}");
        }
        // Each iteration has another row: no connection and no session is that of another one.
        let branches = format!("{GET}, {{parallel: [{GET}, {GET}]}}, {GET}");
        let load = "{vus: 3, iterations: 40}";
        scenario(folder.path(), &text(nginx.port, "", http, &branches, load));
        for mode in MODES {
            let run = run_in(folder.path(), mode);
            assert_eq!(
                (count(&run, "ok"), count(&run, "failed")),
                (160, 0),
                "{mode} {http}: {}",
                run["errors"]
            );
            let (connections, resumed) = check(&nginx, &mut before, 160);
            assert!(
                connections >= 40 && resumed > 0,
                "{mode} {http}: {connections} {resumed}"
            );
        }
        // The connections that a limit counts are not shared with others either.
        let limited = format!("{http}, max_connections: 2");
        scenario(
            folder.path(),
            &text(nginx.port, ", order: random", &limited, GET, load),
        );
        for mode in MODES {
            let run = run_in(folder.path(), mode);
            assert_eq!(
                (count(&run, "ok"), count(&run, "failed")),
                (40, 0),
                "{mode} {http}: {}",
                run["errors"]
            );
            check(&nginx, &mut before, 40);
        }
    }
}

#[test]
fn every_row_is_checked_before_the_run() {
    let (authority, folder) = (Authority::new(), folder());
    files(&authority, folder.path(), folder.path());
    scenario(folder.path(), &text(1, "", "", GET, "{iterations: 1}"));
    // Before anything is connected to.
    fs::copy(folder.path().join("ann.key"), folder.path().join("cy.key")).expect("copied");
    run(folder.path(), &["run", "test.yaml"]).exits(3).says(&[
        "target `shop`: row 3 of `users`: `cy.pem` and `cy.key` can't be used",
        "belong together",
    ]);
    fs::remove_file(folder.path().join("bob.pem")).expect("removed");
    for command in ["validate", "run"] {
        run(folder.path(), &[command, "test.yaml"])
            .exits(2)
            .says(&["row 2 of `users`: there is no file `bob.pem` in the scenario's folder"]);
    }
}
