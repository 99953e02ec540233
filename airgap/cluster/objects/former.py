"""registry.yaml as releases before wrote it, when the registry had one door.

A bundle says what it was rendered from, and unpack compares: so theirs stay known, byte for byte.
Nothing of it is applied any more.
"""

from airgap.cluster.parameters import Parameters
from airgap.oci.digest import Digest


def render_yaml(parameters: Parameters) -> bytes:
    """Return the file as it stands in a bundle of those releases."""
    text = _TEXT.format(
        node=parameters.control_plane,
        storage=parameters.storage,
        port=parameters.node_port,
        image=f"sha256-{Digest.parse(parameters.registry_digest).short}",
    )
    return text.encode()


_TEXT = r"""# The registry that serves this bundle's images, as airgap unpack starts it. This file is for
# people to read; unpack applies what it renders itself, and refuses a bundle where the two differ.
#
# Without airgap: make /var/lib/airgap/registry in the node {node}, owned by 65532; import
# the registry image into that node under the name below; make the Secret from the certificate
#   kubectl create namespace registry
#   kubectl -n registry create secret generic registry --type kubernetes.io/tls \
#     --from-file tls.crt --from-file tls.key --from-file ca.crt --from-literal http-secret=ANY
# and then: kubectl apply -f registry.yaml
apiVersion: v1
kind: Namespace
metadata:
  name: registry
  labels:
    app.kubernetes.io/name: registry
    app.kubernetes.io/managed-by: airgap
    pod-security.kubernetes.io/enforce: restricted
    pod-security.kubernetes.io/warn: restricted
---
apiVersion: v1
kind: PersistentVolume
metadata:
  name: registry
  labels:
    app.kubernetes.io/name: registry
    app.kubernetes.io/managed-by: airgap
spec:
  capacity:
    storage: {storage}Gi
  accessModes:
  - ReadWriteOnce
  persistentVolumeReclaimPolicy: Retain
  storageClassName: ''
  claimRef:
    namespace: registry
    name: registry
  hostPath:
    path: /var/lib/airgap/registry
    type: Directory
  nodeAffinity:
    required:
      nodeSelectorTerms:
      - matchExpressions:
        - key: kubernetes.io/hostname
          operator: In
          values:
          - {node}
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata:
  name: registry
  namespace: registry
  labels:
    app.kubernetes.io/name: registry
    app.kubernetes.io/managed-by: airgap
spec:
  accessModes:
  - ReadWriteOnce
  storageClassName: ''
  volumeName: registry
  resources:
    requests:
      storage: {storage}Gi
---
apiVersion: v1
kind: ConfigMap
metadata:
  name: registry
  namespace: registry
  labels:
    app.kubernetes.io/name: registry
    app.kubernetes.io/managed-by: airgap
data:
  config.yml: "version: 0.1\nlog:\n  level: warn\n  accesslog:\n    disabled: true\nstorage:\n  filesystem:\n\
    \    rootdirectory: /var/lib/registry\n  delete:\n    enabled: true\nhttp:\n  addr: :5000\n  tls:\n\
    \    certificate: /certs/tls.crt\n    key: /certs/tls.key\nvalidation:\n  manifests:\n    indexes:\n\
    \      platforms: none\n    urls:\n      allow:\n      - ^https?://\n"
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: registry
  namespace: registry
  labels:
    app.kubernetes.io/name: registry
    app.kubernetes.io/managed-by: airgap
spec:
  replicas: 1
  strategy:
    type: Recreate
  selector:
    matchLabels:
      app.kubernetes.io/name: registry
  template:
    metadata:
      labels:
        app.kubernetes.io/name: registry
        app.kubernetes.io/managed-by: airgap
      annotations:
        airgap/config-hash: 56ea190c810e4b6f
    spec:
      automountServiceAccountToken: false
      enableServiceLinks: false
      terminationGracePeriodSeconds: 5
      priorityClassName: system-cluster-critical
      tolerations:
      - key: node-role.kubernetes.io/control-plane
        operator: Exists
        effect: NoSchedule
      securityContext:
        runAsNonRoot: true
        runAsUser: 65532
        runAsGroup: 65532
        fsGroup: 65532
        seccompProfile:
          type: RuntimeDefault
      containers:
      - name: registry
        image: docker.io/airgap/registry:{image}
        imagePullPolicy: Never
        args:
        - serve
        - /etc/airgap/config.yml
        env:
        - name: OTEL_TRACES_EXPORTER
          value: none
        - name: REGISTRY_HTTP_SECRET
          valueFrom:
            secretKeyRef:
              name: registry
              key: http-secret
        ports:
        - name: https
          containerPort: 5000
        readinessProbe:
          httpGet:
            path: /v2/
            port: 5000
            scheme: HTTPS
          periodSeconds: 1
          timeoutSeconds: 5
        securityContext:
          allowPrivilegeEscalation: false
          readOnlyRootFilesystem: true
          capabilities:
            drop:
            - ALL
        volumeMounts:
        - name: certs
          mountPath: /certs
          readOnly: true
        - name: config
          mountPath: /etc/airgap
          readOnly: true
        - name: data
          mountPath: /var/lib/registry
      volumes:
      - name: certs
        secret:
          secretName: registry
          items:
          - key: tls.crt
            path: tls.crt
          - key: tls.key
            path: tls.key
      - name: config
        configMap:
          name: registry
      - name: data
        persistentVolumeClaim:
          claimName: registry
---
apiVersion: v1
kind: Service
metadata:
  name: registry
  namespace: registry
  labels:
    app.kubernetes.io/name: registry
    app.kubernetes.io/managed-by: airgap
spec:
  type: NodePort
  selector:
    app.kubernetes.io/name: registry
  ports:
  - name: https
    port: 443
    targetPort: 5000
    nodePort: {port}
"""  # noqa: E501
