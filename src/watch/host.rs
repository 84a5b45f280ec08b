//! This machine, as the files in `/proc` show it.

use std::fs;

/// The counters and gauges of this machine; what the system does not say is `None`.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Host {
    /// The time that all processors were busy, in seconds.
    pub(super) busy_s: Option<f64>,
    /// The number of processors.
    pub(super) processors: f64,
    /// The threads that run or could run.
    pub(super) run_queue: Option<f64>,
    /// The memory in use, in bytes: what is not available to a new program.
    pub(super) memory: Option<f64>,
    /// Bytes received and sent over all network interfaces.
    pub(super) bytes_in: Option<f64>,
    pub(super) bytes_out: Option<f64>,
    /// TCP segments that were sent again.
    pub(super) retransmits: Option<f64>,
    /// Connections that were refused because the queue of a listening socket was full.
    pub(super) listen_overflows: Option<f64>,
}

/// The ticks of the kernel in a second: `USER_HZ`, which Linux fixes at 100 for user space.
pub(super) const TICKS: f64 = 100.0;

impl Host {
    /// Reads the state of this machine.
    pub(super) fn read() -> Self {
        let text = |file: &str| fs::read_to_string(format!("/proc/{file}")).unwrap_or_default();
        Self::parse(
            &text("stat"),
            &text("meminfo"),
            &text("net/dev"),
            &text("net/snmp"),
            &text("net/netstat"),
        )
    }

    fn parse(stat: &str, meminfo: &str, dev: &str, snmp: &str, netstat: &str) -> Self {
        let processors = stat
            .lines()
            .filter(|line| line.starts_with("cpu") && !line.starts_with("cpu "))
            .count();
        let memory = |name: &str| {
            let line = meminfo.lines().find_map(|line| line.strip_prefix(name))?;
            let kib: f64 = line.split_whitespace().next()?.parse().ok()?;
            Some(kib * 1024.0)
        };
        Self {
            busy_s: busy(stat),
            processors: processors.max(1) as f64,
            run_queue: number_after(stat, "procs_running "),
            memory: memory("MemTotal:")
                .zip(memory("MemAvailable:"))
                .map(|(total, available)| total - available),
            bytes_in: of_interfaces(dev, 0),
            bytes_out: of_interfaces(dev, 8),
            retransmits: in_table(snmp, "Tcp:", "RetransSegs"),
            listen_overflows: in_table(netstat, "TcpExt:", "ListenOverflows"),
        }
    }
}

/// Returns the time that all processors were busy: all but idle, waiting for disks, and given to other
/// guests (which stands in no other column).
fn busy(stat: &str) -> Option<f64> {
    let line = stat.lines().find_map(|line| line.strip_prefix("cpu "))?;
    let ticks: Vec<f64> = line
        .split_whitespace()
        .map_while(|word| word.parse().ok())
        .collect();
    // user, nice, system, idle, iowait, irq, softirq, steal; guests are part of the first two.
    let columns = [0, 1, 2, 5, 6];
    let busy: Option<f64> = columns.iter().map(|at| ticks.get(*at).copied()).sum();
    busy.map(|ticks| ticks / TICKS)
}

fn number_after(text: &str, name: &str) -> Option<f64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.trim().parse().ok()
}

/// Returns the sum of a column of `/proc/net/dev` over all interfaces.
fn of_interfaces(dev: &str, column: usize) -> Option<f64> {
    let values = dev.lines().filter_map(|line| {
        let (_, numbers) = line.split_once(':')?;
        numbers.split_whitespace().nth(column)?.parse::<f64>().ok()
    });
    values.reduce(|sum, value| sum + value)
}

/// Returns a value of a table whose lines come in pairs: names, then numbers.
fn in_table(text: &str, table: &str, name: &str) -> Option<f64> {
    let mut lines = text.lines().filter_map(|line| line.strip_prefix(table));
    let (names, numbers) = (lines.next()?, lines.next()?);
    let at = names.split_whitespace().position(|known| known == name)?;
    numbers.split_whitespace().nth(at)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_s_tables_are_read_by_name() {
        let stat = "cpu  100 20 30 4000 50 6 7 8 9 10\ncpu0 1 2 3 4\ncpu1 1 2 3 4\nprocs_running 3\nprocs_blocked 1\n";
        let meminfo = "MemTotal: 1000 kB\nMemFree: 100 kB\nMemAvailable: 400 kB\n";
        let dev = "Inter-| Receive | Transmit\n face |bytes packets\n    lo: 10 1 0 0 0 0 0 0 20 1 0 0 0 0 0 0\n  eth0:300 1 0 0 0 0 0 0 500 1 0 0 0 0 0 0\n";
        let snmp = "Ip: Forwarding\nIp: 1\nTcp: InSegs RetransSegs OutRsts\nTcp: 100 7 3\n";
        let netstat = "TcpExt: SyncookiesSent ListenOverflows ListenDrops\nTcpExt: 0 4 5\n";
        assert_eq!(
            Host::parse(stat, meminfo, dev, snmp, netstat),
            Host {
                busy_s: Some(1.63),
                processors: 2.0,
                run_queue: Some(3.0),
                memory: Some(600.0 * 1024.0),
                bytes_in: Some(310.0),
                bytes_out: Some(520.0),
                retransmits: Some(7.0),
                listen_overflows: Some(4.0),
            }
        );
        let nothing = Host::parse("", "", "", "", "");
        assert_eq!(
            nothing.busy_s.or(nothing.bytes_in).or(nothing.retransmits),
            None
        );
    }

    #[test]
    fn this_machine_says_what_it_does() {
        let host = Host::read();
        assert!(host.busy_s.is_some_and(|busy| busy > 0.0));
        assert!(host.run_queue.is_some_and(|threads| threads >= 1.0));
        assert!(host.memory.is_some_and(|bytes| bytes > 1e6));
        assert!(host.bytes_in.is_some() && host.retransmits.is_some());
    }
}
