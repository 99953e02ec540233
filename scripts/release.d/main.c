/* airgap as one program: CPython that reads its modules from the archive behind this very file.
 *
 * Nothing outside is looked at: no environment variable of Python's, no site-packages, no file
 * beside it. The configuration is the Python one and not the isolated one, since only the former
 * makes Ctrl-C a KeyboardInterrupt. */
#include <Python.h>
#include <unistd.h>

static char self[4096];

static PyStatus configure(PyConfig *config, int argc, char **argv) {
  PyPreConfig first;
  PyPreConfig_InitPythonConfig(&first);
  first.isolated = 1;
  first.use_environment = 0;
  PyStatus status = Py_PreInitialize(&first);
  if (PyStatus_Exception(status)) return status;

  PyConfig_InitPythonConfig(config);
  config->isolated = 1;
  config->use_environment = 0;
  config->parse_argv = 0;
  config->site_import = 0;
  config->write_bytecode = 0;
  config->safe_path = 1;
  config->module_search_paths_set = 1;
  wchar_t *path = Py_DecodeLocale(self, NULL);
  if (path == NULL) return PyStatus_NoMemory();
  wchar_t **own[] = {&config->program_name, &config->executable, &config->base_executable,
                     &config->prefix, &config->base_prefix, &config->exec_prefix,
                     &config->base_exec_prefix, &config->stdlib_dir};
  for (size_t i = 0; i < sizeof own / sizeof *own; i++) {
    status = PyConfig_SetString(config, own[i], path);
    if (PyStatus_Exception(status)) return status;
  }
  status = PyWideStringList_Append(&config->module_search_paths, path);
  if (PyStatus_Exception(status)) return status;
  status = PyConfig_SetString(config, &config->run_command,
                              L"import airgap_boot, airgap_entry; airgap_entry.main()");
  PyMem_RawFree(path);
  if (PyStatus_Exception(status)) return status;
  return PyConfig_SetBytesArgv(config, argc, argv);
}

int main(int argc, char **argv) {
  ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
  if (length < 0) {
    fputs("error: airgap cannot find itself: /proc is not mounted\nhint: mount -t proc proc /proc\n", stderr);
    return 6;
  }
  self[length] = 0;
  PyConfig config;
  PyStatus status = configure(&config, argc, argv);
  if (!PyStatus_Exception(status)) status = Py_InitializeFromConfig(&config);
  PyConfig_Clear(&config);
  if (!PyStatus_Exception(status)) return Py_RunMain();
  Py_ExitStatusException(status);
}
