module airgap/bench/tool

go 1.22
