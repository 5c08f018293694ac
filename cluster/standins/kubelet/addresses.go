package kubelet

import (
	"fmt"
	"net/netip"
	"sync"

	"k8s.io/apimachinery/pkg/types"
)

// addresses hands out Pod IPs of 10.244.0.0/16, a /24 for each node as kubeadm would have it, and another when one is full.
type addresses struct {
	mutex  sync.Mutex
	used   map[netip.Addr]types.UID
	of     map[types.UID]netip.Addr
	blocks map[string][]byte // a node's /24s, by their third number
	owner  map[byte]string
	last   map[byte]byte // the number given last in a block: the next one is taken first, so that an IP is not reused at once
}

func newAddresses() *addresses {
	return &addresses{
		used: map[netip.Addr]types.UID{}, of: map[types.UID]netip.Addr{}, blocks: map[string][]byte{}, owner: map[byte]string{}, last: map[byte]byte{},
	}
}

// keep notes the IP that a Pod has already.
func (a *addresses) keep(node string, uid types.UID, ip string) {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	address, err := netip.ParseAddr(ip)
	if err != nil || !address.Is4() || a.used[address] != "" || a.of[uid].IsValid() {
		return
	}
	if bytes := address.As4(); bytes[0] == 10 && bytes[1] == 244 {
		if _, taken := a.owner[bytes[2]]; !taken {
			a.claim(node, bytes[2])
		}
		a.last[bytes[2]] = max(a.last[bytes[2]], bytes[3])
		a.used[address], a.of[uid] = uid, address
	}
}

// take gives a Pod an IP, the one that it has if it has one.
func (a *addresses) take(node string, uid types.UID) (string, error) {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	if address, ok := a.of[uid]; ok {
		return address.String(), nil
	}
	for _, block := range a.blocks[node] {
		if address, ok := a.free(block); ok {
			a.used[address], a.of[uid] = uid, address
			return address.String(), nil
		}
	}
	for block := 0; block < 256; block++ {
		if _, taken := a.owner[byte(block)]; !taken {
			a.claim(node, byte(block))
			address, _ := a.free(byte(block))
			a.used[address], a.of[uid] = uid, address
			return address.String(), nil
		}
	}
	return "", fmt.Errorf("no address is left in 10.244.0.0/16 for a Pod on %s", node)
}

func (a *addresses) claim(node string, block byte) {
	a.owner[block] = node
	a.blocks[node] = append(a.blocks[node], block)
	a.last[block] = 1 // .0 is the network, .1 its gateway
}

func (a *addresses) free(block byte) (netip.Addr, bool) {
	for step := 1; step <= 253; step++ {
		number := (int(a.last[block])-2+step)%253 + 2 // 2 to 254
		address := netip.AddrFrom4([4]byte{10, 244, block, byte(number)})
		if _, used := a.used[address]; !used {
			a.last[block] = byte(number)
			return address, true
		}
	}
	return netip.Addr{}, false
}

func (a *addresses) release(uid types.UID) {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	delete(a.used, a.of[uid])
	delete(a.of, uid)
}
