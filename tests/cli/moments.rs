//! When an operation and a run have ended.

use std::path::Path;

use loadgen::engine::ideal;
use loadgen::plan::Mode;

use crate::engine::{near, plan, run};
use crate::support::{folder, number, patiently, run_to_result, scenario};

const ALL: [Mode; 4] = [Mode::Sequential, Mode::Threaded, Mode::Async, Mode::Simulated];

#[test]
fn an_iteration_that_completes_no_operation_lasts_as_long_as_it_does() {
    let never = "{sleep: 1ms, when: 'false'}";
    patiently(|| {
        for (flow, ideally) in [
            (format!("[{{think: 100ms}}, {never}]"), 0.2),
            (format!("[{{repeat: {{times: 2, flow: [{{think: 50ms}}, {never}]}}}}]"), 0.2),
            // What comes behind the last operation belongs to it too.
            ("[{sleep: 50ms}, {think: 50ms}]".into(), 0.2),
            ("[{race: [{think: 100ms}, {sleep: 10s}]}]".into(), 0.2),
        ] {
            let plan = plan(&format!("{{name: t, mix: [{{name: m, flow: {flow}}}], load: {{vus: 2, iterations: 4}}}}"));
            for mode in ALL {
                let run = run(&plan, mode);
                let wanted = if mode == Mode::Sequential { 2.0 * ideally } else { ideally };
                near(mode, run.wall_s, wanted);
                near(mode, run.measured_s, wanted);
                assert_eq!(run.iterations.counts.ok, 4, "{mode} {flow}");
            }
            near(Mode::Simulated, ideal(&plan, Path::new("")).expect("it is mock"), ideally);
        }
        // Where nothing takes any time, none has gone by.
        let plan = plan(&format!("{{name: t, mix: [{{name: m, flow: [{never}]}}], load: {{vus: 2, iterations: 4}}}}"));
        assert_eq!(run(&plan, Mode::Simulated).wall_s, 0.0);
        for mode in Mode::REAL {
            let wall_s = run(&plan, mode).wall_s;
            assert!(wall_s > 0.0 && wall_s < 0.1, "{mode}: {wall_s}");
        }
    });
}

#[test]
fn an_iteration_that_thinks_when_the_drain_ends_lasts_until_then() {
    patiently(|| {
        let plan =
            plan("{name: t, mix: [{name: m, flow: [{sleep: 10ms}, {think: 10s}]}], load: {vus: 2, duration: 200ms, graceful_stop: 100ms}}");
        for mode in ALL {
            let run = run(&plan, mode);
            assert_eq!((run.counts.unfinished, run.iterations.counts.ok), (0, 0), "{mode}");
            near(mode, run.wall_s, 0.3);
            assert_eq!(run.measured_s, 0.2, "{mode}");
        }
    });
}

#[test]
fn modes_are_compared_by_the_time_that_iterations_take() {
    patiently(|| {
        let folder = folder();
        scenario(
            folder.path(),
            "{name: t, mix: [{name: m, flow: [{think: 100ms}, {sleep: 0s, when: 'false'}]}], load: {vus: 4, iterations: 4}}",
        );
        let result = run_to_result(folder.path(), &["--mode", "sequential,async"]);
        let modes = &result["comparison"]["modes"];
        assert!((3.0..=4.1).contains(&number(&modes[1], "speedup")), "{modes}");
        assert!((number(&modes[1], "ideal_s") - 0.1).abs() < 1e-9, "{modes}");
        assert!((0.6..=1.0).contains(&number(&modes[1], "efficiency")), "{modes}");
    });
}
