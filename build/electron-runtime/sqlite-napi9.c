/*
 * better-sqlite3 13 on runtimes with Node-API 9 (Electron 33, Node 20).
 *
 * The prebuild that better-sqlite3 ships declares Node-API 10. The one thing of version 10 that it needs is references
 * to primitive values (strings). This addon loads that very prebuild and, on an older runtime only, lets it call the
 * functions below instead: they keep a primitive in a one-element array and mark such a reference by its lowest bit
 * (references are pointers, so that bit is free).
 *
 * On a runtime with Node-API 10 it only loads the prebuild, so it may stay in place when the same node_modules is used
 * by Node 24 and by a current Electron.
 *
 * It must be in build/Release/, which better-sqlite3's loader prefers to prebuilds/. Linux x86-64, glibc.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <elf.h>
#include <link.h>
#include <node_api.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))
#define PREBUILD "../../prebuilds/linux-x64.node" /* relative to the folder of the built addon */
#define BOXED(ref) ((uintptr_t)(ref) & 1)
#define PLAIN(ref) ((napi_ref)((uintptr_t)(ref) & ~(uintptr_t)1))

/* Node-API 10 added this function, so only runtimes with version 10 export it. */
static int runtime_has_napi_10(void) {
  return dlsym(RTLD_DEFAULT, "node_api_create_buffer_from_arraybuffer") != NULL;
}

static napi_status create_reference(napi_env env, napi_value value, uint32_t count, napi_ref *result) {
  napi_valuetype type;
  napi_value box;
  napi_status status = napi_typeof(env, value, &type);
  if (status != napi_ok) return status;
  if (type == napi_object || type == napi_function || type == napi_symbol || type == napi_external) {
    return napi_create_reference(env, value, count, result);
  }
  if ((status = napi_create_array_with_length(env, 1, &box)) != napi_ok) return status;
  if ((status = napi_set_element(env, box, 0, value)) != napi_ok) return status;
  if ((status = napi_create_reference(env, box, count, result)) != napi_ok) return status;
  *result = (napi_ref)((uintptr_t)*result | 1);
  return napi_ok;
}

static napi_status delete_reference(napi_env env, napi_ref ref) {
  return napi_delete_reference(env, PLAIN(ref));
}

static napi_status get_reference_value(napi_env env, napi_ref ref, napi_value *result) {
  napi_value box = NULL, pending;
  napi_status status = napi_get_reference_value(env, PLAIN(ref), &box);
  if (status != napi_ok || !BOXED(ref) || box == NULL) {
    *result = box;
    return status;
  }
  status = napi_get_element(env, box, 0, result);
  /* napi_get_element fails while an exception is pending, the original function does not: rethrow it afterwards. */
  if (status == napi_pending_exception && napi_get_and_clear_last_exception(env, &pending) == napi_ok) {
    status = napi_get_element(env, box, 0, result);
    napi_throw(env, pending);
  }
  return status;
}

static const struct {
  const char *name;
  void *replacement;
} hooks[] = {
  {"napi_create_reference", (void *)create_reference},
  {"napi_delete_reference", (void *)delete_reference},
  {"napi_get_reference_value", (void *)get_reference_value},
};
#define HOOKS (sizeof hooks / sizeof hooks[0])

/* Points one relocation table's imports of the hooked names at the functions above; returns how many it found. */
static size_t redirect(struct link_map *lib, const Elf64_Rela *table, size_t entries, const Elf64_Sym *symbols,
                       const char *strings) {
  uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
  size_t found = 0;
  for (size_t i = 0; i < entries; i++) {
    size_t symbol = ELF64_R_SYM(table[i].r_info);
    if (symbol == 0) continue;
    for (size_t h = 0; h < HOOKS; h++) {
      if (strcmp(strings + symbols[symbol].st_name, hooks[h].name) != 0) continue;
      void **slot = (void **)(lib->l_addr + table[i].r_offset);
      void *slot_page = (void *)((uintptr_t)slot & ~(page - 1));
      if (*slot != hooks[h].replacement) { /* else an earlier load in this process did it */
        if (mprotect(slot_page, page, PROT_READ | PROT_WRITE) != 0) return 0;
        *slot = hooks[h].replacement;
      }
      found++;
    }
  }
  return found;
}

static int install_hooks(struct link_map *lib) {
  const Elf64_Rela *jumps = NULL, *data = NULL;
  const Elf64_Sym *symbols = NULL;
  const char *strings = NULL;
  size_t jumps_size = 0, data_size = 0;
  for (const Elf64_Dyn *entry = lib->l_ld; entry->d_tag != DT_NULL; entry++) {
    switch (entry->d_tag) {
      case DT_JMPREL: jumps = (const Elf64_Rela *)entry->d_un.d_ptr; break;
      case DT_PLTRELSZ: jumps_size = entry->d_un.d_val; break;
      case DT_RELA: data = (const Elf64_Rela *)entry->d_un.d_ptr; break;
      case DT_RELASZ: data_size = entry->d_un.d_val; break;
      case DT_SYMTAB: symbols = (const Elf64_Sym *)entry->d_un.d_ptr; break;
      case DT_STRTAB: strings = (const char *)entry->d_un.d_ptr; break;
    }
  }
  if (symbols == NULL || strings == NULL) return 0;
  size_t found = redirect(lib, jumps, jumps_size / sizeof(Elf64_Rela), symbols, strings) +
                 redirect(lib, data, data_size / sizeof(Elf64_Rela), symbols, strings);
  return found >= HOOKS;
}

EXPORT int32_t node_api_module_get_api_version_v1(void) {
  return runtime_has_napi_10() ? 10 : 9;
}

EXPORT napi_value napi_register_module_v1(napi_env env, napi_value exports) {
  Dl_info self;
  char path[4096];
  struct link_map *lib;
  if (dladdr((void *)napi_register_module_v1, &self) == 0) {
    napi_throw_error(env, NULL, "sqlite-napi9: cannot find its own file");
    return NULL;
  }
  const char *slash = strrchr(self.dli_fname, '/');
  int folder = slash ? (int)(slash - self.dli_fname) : 1;
  snprintf(path, sizeof path, "%.*s/" PREBUILD, folder, slash ? self.dli_fname : ".");
  void *handle = dlopen(path, RTLD_LAZY);
  napi_value (*init)(napi_env, napi_value) = NULL;
  if (handle != NULL) *(void **)&init = dlsym(handle, "napi_register_module_v1");
  if (init == NULL || dlinfo(handle, RTLD_DI_LINKMAP, &lib) != 0) {
    napi_throw_error(env, NULL, dlerror());
    return NULL;
  }
  if (!runtime_has_napi_10() && !install_hooks(lib)) {
    napi_throw_error(env, NULL, "sqlite-napi9: the prebuild does not import what was expected");
    return NULL;
  }
  return init(env, exports);
}
