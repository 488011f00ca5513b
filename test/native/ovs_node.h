// A node that runs real Open vSwitch in its userspace datapath: br-phy carries the underlay address on eth0, br-int has
// a pod's veth and a Geneve port with flow-based remote. Private daemons in a namespace; they end with the object.
#pragma once
#include <cstdlib>
#include <string>

#include "lab.h"

class OvsNode {
 public:
  // `pod_interface` is in `ns`, its peer in the pod. `option` maps one Geneve option to tun_metadata0.
  OvsNode(const Namespace& ns, const std::string& address, const std::string& pod_interface, const std::string& option)
      : ns_(ns) {
    char dir[] = "/tmp/pwp-ovs-XXXXXX";
    dir_ = mkdtemp(dir);
    const std::string db = "unix:" + dir_ + "/db.sock";
    ok_ = run_ok("ovsdb-tool create " + dir_ + "/conf.db /usr/share/openvswitch/vswitch.ovsschema") &&
          daemon("ovsdb-server " + dir_ + "/conf.db --remote=p" + db + " --unixctl=" + dir_ + "/db.ctl") &&
          vsctl("--no-wait init") && daemon("ovs-vswitchd " + db + " --unixctl=" + dir_ + "/vs.ctl") &&
          vsctl("add-br br-phy -- set bridge br-phy datapath_type=netdev other-config:hwaddr=02:00:00:00:0f:02 "
                "-- add-port br-phy eth0") &&
          ns.ip_ok("addr add " + address + "/24 dev br-phy") && ns.ip_ok("link set br-phy up") &&
          vsctl("add-br br-int -- set bridge br-int datapath_type=netdev fail-mode=secure -- add-port br-int " +
                pod_interface + " -- set interface " + pod_interface + " ofport_request=1 -- add-port br-int tun -- "
                "set interface tun type=geneve ofport_request=2 options:remote_ip=flow options:key=flow "
                "options:csum=true") &&
          ofctl("add-tlv-map br-int '{" + option + "}->tun_metadata0'");
  }
  ~OvsNode() {
    end("ovs-vswitchd", "/vs.ctl exit --cleanup");
    end("ovsdb-server", "/db.ctl exit");
    run("rm -rf " + dir_);
  }
  OvsNode(const OvsNode&) = delete;

  bool ok() const { return ok_; }
  bool add_flow(const std::string& flow) { return ofctl("add-flow br-int '" + flow + "'"); }
  // n_packets of the flows that match.
  int packets(const std::string& match) {
    const std::string out = command("ovs-ofctl dump-aggregate br-int '" + match + "'");
    const size_t at = out.find("packet_count=");
    return at == std::string::npos ? -1 : atoi(out.c_str() + at + 13);
  }

 private:
  std::string command(const std::string& text, int* status = nullptr) {
    return ns_.exec("env OVS_RUNDIR=" + dir_ + " OVS_LOGDIR=" + dir_ + " OVS_DBDIR=" + dir_ + " " + text, status);
  }
  bool must(const std::string& text) {
    int status = 0;
    const std::string out = command(text, &status);
    if (status != 0) printf("    $ %s\n    %s\n", text.c_str(), out.c_str());
    return status == 0;
  }
  bool daemon(const std::string& text) {
    return must(text + " --detach --no-chdir --pidfile -vconsole:off --log-file >/dev/null");
  }
  // Asks a daemon to exit and waits until it has, or kills it after five seconds.
  void end(const std::string& name, const std::string& request) {
    command("sh -c 'pid=$(cat " + dir_ + "/" + name + ".pid) || exit; ovs-appctl -t " + dir_ + request +
            "; for i in $(seq 50); do kill -0 $pid || exit; sleep 0.1; done; kill -9 $pid'");
  }
  bool vsctl(const std::string& text) { return must("ovs-vsctl --timeout=10 --db=unix:" + dir_ + "/db.sock " + text); }
  bool ofctl(const std::string& text) { return must("ovs-ofctl " + text); }

  const Namespace& ns_;
  std::string dir_;
  bool ok_ = false;
};
