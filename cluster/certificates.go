package main

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"

	"practice-cluster/advice"
)

// authority signs the certificates of one cluster. Its own key is kept for the cluster's life, so that a kubeconfig stays valid.
type authority struct {
	dir  string
	cert *x509.Certificate
	key  crypto.Signer
}

// subject is who a certificate speaks for; hosts make it a serving certificate.
type subject struct {
	name  string
	group string
	hosts []string
}

const (
	authorityYears = 10
	leafYears      = 1
)

// openAuthority reads the authority in dir, or makes one.
func openAuthority(dir string) (*authority, error) {
	a := &authority{dir: dir}
	key, err := a.signingKey("ca.key")
	if err != nil {
		return nil, err
	}
	a.key = key
	a.cert, err = readCertificate(a.path("ca.crt"))
	if errors.Is(err, fs.ErrNotExist) || err == nil && !outlivesLeaves(a.cert, time.Now()) {
		return a, a.signItself()
	}
	return a, err
}

// outlivesLeaves tells whether an authority is good for as long as what it signs now. When it is not, because of its age or because
// the clock was set back to before its time, it signs itself anew with the same key: what older clients trust goes on to be trusted.
func outlivesLeaves(authority *x509.Certificate, now time.Time) bool {
	return now.After(authority.NotBefore) && now.AddDate(leafYears, 0, 0).Before(authority.NotAfter)
}

func (a *authority) signItself() error {
	template := newTemplate(subject{name: "practice-cluster"}, authorityYears)
	template.IsCA, template.BasicConstraintsValid = true, true
	template.KeyUsage = x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature
	data, err := sign(template, template, a.key.Public(), a.key)
	if err != nil {
		return err
	}
	if err := replaceFile(a.path("ca.crt"), data, 0o644); err != nil {
		return err
	}
	a.cert, err = readCertificate(a.path("ca.crt"))
	return err
}

func readCertificate(path string) (*x509.Certificate, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(data)
	if block == nil {
		return nil, fmt.Errorf("%s holds no certificate. Start afresh with: %s", path, advice.Command("down --delete"))
	}
	return x509.ParseCertificate(block.Bytes)
}

func (a *authority) path(name string) string { return filepath.Join(a.dir, name) }

// issue writes NAME.crt and NAME.key, a new certificate each time, so that `up` after a year finds nothing expired.
func (a *authority) issue(name string, who subject) error {
	key, err := a.signingKey(name + ".key")
	if err != nil {
		return err
	}
	data, err := sign(newTemplate(who, leafYears), a.cert, key.Public(), a.key)
	if err != nil {
		return err
	}
	return replaceFile(a.path(name+".crt"), data, 0o600)
}

// signingKey reads the private key in a file, or makes one.
func (a *authority) signingKey(name string) (crypto.Signer, error) {
	data, err := os.ReadFile(a.path(name))
	if errors.Is(err, fs.ErrNotExist) {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			return nil, err
		}
		der, err := x509.MarshalECPrivateKey(key)
		if err != nil {
			return nil, err
		}
		data = pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der})
		return key, replaceFile(a.path(name), data, 0o600)
	}
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(data)
	if block == nil {
		return nil, fmt.Errorf("%s holds no key. Start afresh with: %s", a.path(name), advice.Command("down --delete"))
	}
	return x509.ParseECPrivateKey(block.Bytes)
}

func newTemplate(who subject, years int) *x509.Certificate {
	serial, _ := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	template := &x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{CommonName: who.name},
		NotBefore:    time.Now().Add(-24 * time.Hour), // a clock that is set back by a time zone does no harm
		NotAfter:     time.Now().AddDate(years, 0, 0),
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth},
	}
	if who.group != "" {
		template.Subject.Organization = []string{who.group}
	}
	for _, host := range who.hosts {
		if ip := net.ParseIP(host); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, host)
		}
	}
	return template
}

func sign(template, parent *x509.Certificate, public crypto.PublicKey, key crypto.Signer) ([]byte, error) {
	der, err := x509.CreateCertificate(rand.Reader, template, parent, public, key)
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), nil
}
