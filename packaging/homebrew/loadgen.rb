# A template: formula.sh fills in what stands between @ signs, from the checksums of a release.
class Loadgen < Formula
  desc "Load generator that compares sequential, threaded and async execution"
  homepage "https://github.com/@OWNER@/loadgen"
  version "@VERSION@"
  license any_of: ["MIT", "Apache-2.0"]

  on_macos do
    on_arm do
      url "https://github.com/@OWNER@/loadgen/releases/download/v@VERSION@/loadgen-@VERSION@-aarch64-apple-darwin.tar.gz"
      sha256 "@aarch64-apple-darwin@"
    end
    on_intel do
      url "https://github.com/@OWNER@/loadgen/releases/download/v@VERSION@/loadgen-@VERSION@-x86_64-apple-darwin.tar.gz"
      sha256 "@x86_64-apple-darwin@"
    end
  end

  on_linux do
    on_arm do
      url "https://github.com/@OWNER@/loadgen/releases/download/v@VERSION@/loadgen-@VERSION@-aarch64-unknown-linux-musl.tar.gz"
      sha256 "@aarch64-unknown-linux-musl@"
    end
    on_intel do
      url "https://github.com/@OWNER@/loadgen/releases/download/v@VERSION@/loadgen-@VERSION@-x86_64-unknown-linux-musl.tar.gz"
      sha256 "@x86_64-unknown-linux-musl@"
    end
  end

  def install
    bin.install "loadgen"
    man1.install Dir["man/man1/*.1"]
    bash_completion.install "completions/loadgen.bash" => "loadgen"
    fish_completion.install "completions/loadgen.fish"
    zsh_completion.install "completions/_loadgen"
    doc.install "LICENSES-THIRD-PARTY.txt"
  end

  test do
    (testpath/"scenario.yaml").write <<~YAML
      name: smoke
      targets: { mock: { url: builtin } }
      mix: [{ name: browse, flow: [{ get: /items }] }]
      load: { vus: 2, iterations: 20 }
    YAML
    system bin/"loadgen", "run", "scenario.yaml", "--output", "report"
    assert_path_exists testpath/"report/result.json"
  end
end
