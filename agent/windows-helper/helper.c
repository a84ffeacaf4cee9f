/*
 * deployx-helper.exe: the few Windows functions that Node does not offer. Embedded in the agent's executable.
 *
 *   helper job NAME OUTPUT -- COMMAND LINE
 *                                       starts the program in a job object of that name, waits for the program itself
 *                                       and exits with its exit code; processes it leaves behind keep running.
 *                                       Writes its output to the file OUTPUT, at most 1 MiB: the first and the last
 *                                       half. Prints how many bytes were left out
 *   helper job-all NAME OUTPUT -- COMMAND LINE
 *                                       the same, but also waits for processes the program started, a minute at most
 *   helper keep NAME JOB PIPE           started by `job` when the program left processes behind: keeps the job's name
 *                                       for a quarter of an hour while they run, and reads their output
 *   helper busy NAME                    0 when processes of that job run, 2 when none do
 *   helper kill NAME                    ends every process of that job; 0 done, 2 no such job
 *   helper started PID                  prints when the process was created (FILETIME, decimal); 2 no such process
 *   helper private DIR                  creates a folder that only SYSTEM and Administrators can open, or restricts an
 *                                       existing one; 3 it belongs to someone else or is a link
 *   helper public DIR                   lets everyone read what is in that folder now and later, so that files which an
 *                                       installer moves out of it can be used as if they had been copied
 *   helper elevated                     0 when it may change the PC (a member of Administrators, elevated), else 2
 *   helper power                        prints the power source: ac, battery or unknown
 *   helper metered                      prints whether the network is charged by volume: metered, unmetered or unknown
 *   helper service NAME                 run by the service manager: keeps the program running whose command line is in
 *                                       the file beside this one, deployx-service.txt (UTF-8), and rolls an update of
 *                                       it back if the new version does not stay up
 *
 * Every failure prints one line and exits with 1 or a code above. If `job` cannot start the program, it exits with a code that no
 * program uses: 0xE0DE0000 (a customer code of severity error) with the Windows error in its low half.
 * Built with: x86_64-w64-mingw32-gcc -Os -s -municode -Wall -Wextra -Werror helper.c -ladvapi32 -lole32
 */
#ifndef UNICODE
#define UNICODE
#define _UNICODE
#endif
#define _WIN32_WINNT 0x0602
#define COBJMACROS
#define INITGUID
#include <windows.h>
#include <initguid.h>
#include <netlistmgr.h>
#include <aclapi.h>
#include <sddl.h>
#include <stdio.h>
#include <wchar.h>

#define NOT_STARTED 0xE0DE0000u
/* How long `job-all` waits for remaining processes when the program itself has ended. */
#define WHOLE_JOB_MS 60000
/* How long a job's name is kept for processes that a program left behind; the agent waits ten minutes for them. */
#define KEEP_MS 900000
#define COMMAND_LIMIT 32768
/* Same as OUTPUT_HALF_BYTES in supervisor/output-limit.ts. */
#define HALF_BYTES (512 * 1024)
#define FLUSH_EVERY_MS 1000
/* When the program has ended, its output is still in the pipe; what comes later is from processes that it left behind. */
#define DRAIN_BYTES (128 * 1024)
#define DRAIN_QUIET_MS 200
#define DRAIN_MAX_MS 2000
/* Delay between two starts of a program that does not stay up. */
#define RESTART_MIN_MS 5000
#define RESTART_MAX_MS 300000
/* A program that ran this long counts as healthy. */
#define STEADY_MS 600000
/* Starts of an executable on trial, and how long each may take until it has a link: as in service/start-script.ts. */
#define STARTS_LIMIT 3
#ifndef LINK_LIMIT_MS /* tests use a shorter limit */
#define LINK_LIMIT_MS 600000
#endif
#define AGENT_NAME L"deployx-agent.exe"

static int fail(const wchar_t *what, int exitCode) {
  DWORD error = GetLastError();
  fwprintf(stderr, L"%ls (Windows error %lu)\n", what, error);
  return exitCode;
}

/* ---- job objects ---------------------------------------------------------------------------------------------- */

static void jobName(wchar_t *out, size_t size, const wchar_t *name) {
  _snwprintf(out, size, L"Local\\deployx-%ls", name);
  out[size - 1] = 0;
}

/* The original command line after the first ` -- ` that follows this word. Its quotes are not interpreted here. */
static const wchar_t *restBehind(const wchar_t *word) {
  const wchar_t *found = wcsstr(GetCommandLineW(), word);
  if (found) found = wcsstr(found + wcslen(word), L" -- ");
  return found ? found + 4 : NULL;
}

static int notStarted(const wchar_t *what) {
  DWORD error = GetLastError();
  fail(what, 1);
  return (int)(NOT_STARTED | (error & 0xFFFF));
}

static DWORD membersOf(HANDLE job) {
  JOBOBJECT_BASIC_ACCOUNTING_INFORMATION info;
  if (!QueryInformationJobObject(job, JobObjectBasicAccountingInformation, &info, sizeof info, NULL)) return 0;
  return info.ActiveProcesses;
}

static void waitUntilEmpty(HANDLE job, DWORD limitMs) {
  for (DWORD waited = 0; waited < limitMs && membersOf(job) > 0; waited += 100) Sleep(100);
}

/* ---- the output of a program: as in supervisor/bounded-output.ts ---------------------------------------------- */

static struct {
  CRITICAL_SECTION lock;
  HANDLE pipe, file;
  ULONGLONG head, omitted;
  volatile ULONGLONG received, lastAt;
  BYTE *ring;
  DWORD start, length;
  BOOL dirty, kept;
  volatile BOOL closed;
} output;

static BOOL writeAt(const BYTE *bytes, DWORD size, ULONGLONG at) {
  OVERLAPPED place;
  DWORD written = 0;
  ZeroMemory(&place, sizeof place);
  place.Offset = (DWORD)at;
  place.OffsetHigh = (DWORD)(at >> 32);
  return WriteFile(output.file, bytes, size, &written, &place) && written == size;
}

static void keepInRing(const BYTE *bytes, DWORD size) {
  if (size > HALF_BYTES) {
    output.omitted += size - HALF_BYTES;
    bytes += size - HALF_BYTES;
    size = HALF_BYTES;
  }
  DWORD at = (output.start + output.length) % HALF_BYTES;
  DWORD first = size < HALF_BYTES - at ? size : HALF_BYTES - at;
  memcpy(output.ring + at, bytes, first);
  memcpy(output.ring, bytes + first, size - first);
  DWORD total = output.length + size, over = total > HALF_BYTES ? total - HALF_BYTES : 0;
  output.start = (output.start + over) % HALF_BYTES;
  output.length = total - over;
  output.omitted += over;
  output.dirty = TRUE;
}

/* Bytes that the disk refuses count as left out; the last half is written again at every flush. */
static void take(const BYTE *bytes, DWORD size) {
  ULONGLONG room = output.length > 0 || output.head >= HALF_BYTES ? 0 : HALF_BYTES - output.head;
  DWORD toHead = room < size ? (DWORD)room : size;
  if (toHead > 0) {
    if (writeAt(bytes, toHead, output.head)) output.head += toHead;
    else output.omitted += toHead;
  }
  if (size > toHead) keepInRing(bytes + toHead, size - toHead);
}

static void flush(void) {
  if (!output.dirty) return;
  DWORD first = output.length < HALF_BYTES - output.start ? output.length : HALF_BYTES - output.start;
  if (writeAt(output.ring + output.start, first, output.head) &&
      (output.length == first || writeAt(output.ring, output.length - first, output.head + first)))
    output.dirty = FALSE;
}

static DWORD WINAPI readOutput(LPVOID unused) {
  static BYTE bytes[64 * 1024];
  DWORD size = 0;
  (void)unused;
  while (ReadFile(output.pipe, bytes, sizeof bytes, &size, NULL)) {
    EnterCriticalSection(&output.lock);
    output.received += size;
    output.lastAt = GetTickCount64();
    if (output.kept) take(bytes, size);
    LeaveCriticalSection(&output.lock);
  }
  output.closed = TRUE;
  return 0;
}

/* Opens the file, or continues it. Returns the end that the program writes to, or NULL. */
static HANDLE openOutput(const wchar_t *file) {
  HANDLE writeEnd = NULL;
  LARGE_INTEGER size;
  InitializeCriticalSection(&output.lock);
  output.kept = TRUE;
  output.ring = HeapAlloc(GetProcessHeap(), 0, HALF_BYTES);
  output.file = CreateFileW(file, GENERIC_READ | GENERIC_WRITE, FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE, NULL,
                            OPEN_ALWAYS, FILE_ATTRIBUTE_NORMAL, NULL);
  if (!output.ring || output.file == INVALID_HANDLE_VALUE || !GetFileSizeEx(output.file, &size)) return NULL;
  output.head = size.QuadPart < HALF_BYTES ? (ULONGLONG)size.QuadPart : HALF_BYTES;
  /* Output of an earlier supervisor. */
  if (size.QuadPart > HALF_BYTES) {
    LARGE_INTEGER from;
    DWORD rest = size.QuadPart < 2 * HALF_BYTES ? (DWORD)(size.QuadPart - HALF_BYTES) : HALF_BYTES, got = 0;
    from.QuadPart = size.QuadPart - rest;
    if (SetFilePointerEx(output.file, from, NULL, FILE_BEGIN) && ReadFile(output.file, output.ring, rest, &got, NULL))
      output.length = got;
  }
  if (!CreatePipe(&output.pipe, &writeEnd, NULL, 64 * 1024)) return NULL;
  SetHandleInformation(writeEnd, HANDLE_FLAG_INHERIT, HANDLE_FLAG_INHERIT);
  return writeEnd;
}

static void takeRest(void) {
  ULONGLONG until = GetTickCount64() + DRAIN_MAX_MS, before = output.received;
  output.lastAt = GetTickCount64();
  while (!output.closed && output.received - before <= DRAIN_BYTES && GetTickCount64() < until &&
         GetTickCount64() - output.lastAt <= DRAIN_QUIET_MS)
    Sleep(10);
}

static void closeOutput(void) {
  takeRest();
  EnterCriticalSection(&output.lock);
  flush();
  output.kept = FALSE;
  FlushFileBuffers(output.file);
  CloseHandle(output.file);
  printf("%llu\n", output.omitted);
  fflush(stdout);
  LeaveCriticalSection(&output.lock);
}

/* ---- a program in its job ------------------------------------------------------------------------------------- */

/* Continues for this process, which ends with the program: keeps the job's name and reads further output. */
static void startKeeper(const wchar_t *name, HANDLE job) {
  static wchar_t command[MAX_PATH + 400];
  wchar_t self[MAX_PATH], home[MAX_PATH];
  STARTUPINFOW start;
  PROCESS_INFORMATION process;
  HANDLE pipe = output.closed ? NULL : output.pipe;
  if (!GetModuleFileNameW(NULL, self, MAX_PATH) || !GetSystemDirectoryW(home, MAX_PATH)) return;
  _snwprintf(command, MAX_PATH + 399, L"\"%ls\" keep %ls %llu %llu", self, name, (ULONGLONG)(ULONG_PTR)job,
             (ULONGLONG)(ULONG_PTR)pipe);
  SetHandleInformation(job, HANDLE_FLAG_INHERIT, HANDLE_FLAG_INHERIT);
  if (pipe) SetHandleInformation(pipe, HANDLE_FLAG_INHERIT, HANDLE_FLAG_INHERIT);
  ZeroMemory(&start, sizeof start);
  start.cb = sizeof start;
  /* Not started in the attempt's folder, which could not be removed while it runs. */
  if (!CreateProcessW(NULL, command, NULL, NULL, TRUE, DETACHED_PROCESS, NULL, home, &start, &process)) return;
  CloseHandle(process.hThread);
  CloseHandle(process.hProcess);
}

static int keep(HANDLE job, HANDLE pipe) {
  HANDLE reading = NULL;
  output.pipe = pipe;
  InitializeCriticalSection(&output.lock);
  if (pipe) reading = CreateThread(NULL, 0, readOutput, NULL, 0, NULL);
  waitUntilEmpty(job, KEEP_MS);
  CloseHandle(job);
  if (reading) WaitForSingleObject(reading, INFINITE);
  return 0;
}

static void hideStandardHandles(void) {
  const DWORD names[] = { STD_INPUT_HANDLE, STD_OUTPUT_HANDLE, STD_ERROR_HANDLE };
  for (int i = 0; i < 3; i++) SetHandleInformation(GetStdHandle(names[i]), HANDLE_FLAG_INHERIT, 0);
}

static int runJob(const wchar_t *name, const wchar_t *outputFile, BOOL whole) {
  static wchar_t command[COMMAND_LIMIT];
  wchar_t full[256];
  const wchar_t *given = restBehind(outputFile);
  if (!given || wcslen(given) >= COMMAND_LIMIT) {
    SetLastError(ERROR_BAD_LENGTH);
    return notStarted(L"the command line is not usable");
  }
  wcscpy(command, given);
  jobName(full, 256, name);
  HANDLE job = CreateJobObjectW(NULL, full);
  if (!job) return notStarted(L"the job object could not be made");
  /* Installers that leave their job would fail if they could not. Closing the last handle kills nothing. */
  JOBOBJECT_EXTENDED_LIMIT_INFORMATION limits;
  ZeroMemory(&limits, sizeof limits);
  limits.BasicLimitInformation.LimitFlags = JOB_OBJECT_LIMIT_BREAKAWAY_OK;
  SetInformationJobObject(job, JobObjectExtendedLimitInformation, &limits, sizeof limits);
  /* Only the program's own handles may be inherited: a process that waits for this one must not wait for its children. */
  hideStandardHandles();
  SECURITY_ATTRIBUTES inherited = { sizeof inherited, NULL, TRUE };
  HANDLE nothing = CreateFileW(L"NUL", GENERIC_READ, FILE_SHARE_READ | FILE_SHARE_WRITE, &inherited, OPEN_EXISTING, 0, NULL);
  HANDLE writeEnd = openOutput(outputFile);
  if (!writeEnd) return notStarted(L"its output could not be opened");
  STARTUPINFOW start;
  PROCESS_INFORMATION process;
  ZeroMemory(&start, sizeof start);
  start.cb = sizeof start;
  start.dwFlags = STARTF_USESTDHANDLES | STARTF_USESHOWWINDOW;
  start.wShowWindow = SW_HIDE;
  start.hStdInput = nothing;
  start.hStdOutput = start.hStdError = writeEnd;
  if (!CreateProcessW(NULL, command, NULL, NULL, TRUE, CREATE_SUSPENDED | CREATE_NO_WINDOW, NULL, NULL, &start, &process))
    return notStarted(L"the program could not be started");
  /* While this handle is open, nothing sees the program close its end. */
  CloseHandle(writeEnd);
  CloseHandle(nothing);
  if (!AssignProcessToJobObject(job, process.hProcess)) {
    int code = notStarted(L"the program could not be put into its job object");
    TerminateProcess(process.hProcess, 1);
    return code;
  }
  /* Lower priority than a user's programs, as in supervisor/low-priority.ts; child processes inherit it. */
  SetPriorityClass(process.hProcess, BELOW_NORMAL_PRIORITY_CLASS);
  CreateThread(NULL, 0, readOutput, NULL, 0, NULL);
  ResumeThread(process.hThread);
  CloseHandle(process.hThread);
  while (WaitForSingleObject(process.hProcess, FLUSH_EVERY_MS) == WAIT_TIMEOUT) {
    EnterCriticalSection(&output.lock);
    flush();
    LeaveCriticalSection(&output.lock);
  }
  DWORD exitCode = 1;
  GetExitCodeProcess(process.hProcess, &exitCode);
  if (whole) waitUntilEmpty(job, WHOLE_JOB_MS);
  closeOutput();
  if (!output.closed || membersOf(job) > 0) startKeeper(name, job);
  return (int)exitCode;
}

static int isBusy(const wchar_t *name) {
  wchar_t full[256];
  jobName(full, 256, name);
  HANDLE job = OpenJobObjectW(JOB_OBJECT_QUERY, FALSE, full);
  return job && membersOf(job) > 0 ? 0 : 2;
}

static int killJob(const wchar_t *name) {
  wchar_t full[256];
  jobName(full, 256, name);
  HANDLE job = OpenJobObjectW(JOB_OBJECT_TERMINATE, FALSE, full);
  if (!job) return fail(L"there is no such job", 2);
  return TerminateJobObject(job, 1) ? 0 : fail(L"the job could not be ended", 1);
}

/* ---- processes ------------------------------------------------------------------------------------------------ */

static int printStart(const wchar_t *pidText) {
  FILETIME created, ended, kernel, user;
  HANDLE process = OpenProcess(PROCESS_QUERY_LIMITED_INFORMATION, FALSE, (DWORD)wcstoul(pidText, NULL, 10));
  DWORD exitCode = 0;
  if (!process || !GetExitCodeProcess(process, &exitCode) || exitCode != STILL_ACTIVE) return 2;
  if (!GetProcessTimes(process, &created, &ended, &kernel, &user)) return fail(L"its times cannot be read", 1);
  unsigned long long ticks = ((unsigned long long)created.dwHighDateTime << 32) | created.dwLowDateTime;
  printf("%llu\n", ticks);
  return 0;
}

/* ---- folders -------------------------------------------------------------------------------------------------- */

static BOOL isMe(PSID sid) {
  static BYTE user[512];
  HANDLE token = NULL;
  DWORD size = 0;
  if (!OpenProcessToken(GetCurrentProcess(), TOKEN_QUERY, &token)) return FALSE;
  BOOL ok = GetTokenInformation(token, TokenUser, user, sizeof user, &size);
  CloseHandle(token);
  return ok && EqualSid(sid, ((TOKEN_USER *)user)->User.Sid);
}

/* An owner may change the access list at any time, so only these owners are trusted. */
static BOOL isOwnedByUs(const wchar_t *folder) {
  PSID owner = NULL;
  PSECURITY_DESCRIPTOR descriptor = NULL;
  if (GetNamedSecurityInfoW((wchar_t *)folder, SE_FILE_OBJECT, OWNER_SECURITY_INFORMATION, &owner, NULL, NULL, NULL, &descriptor))
    return FALSE;
  BOOL ok = IsWellKnownSid(owner, WinLocalSystemSid) || IsWellKnownSid(owner, WinBuiltinAdministratorsSid) || isMe(owner);
  LocalFree(descriptor);
  return ok;
}

/* Owner Administrators; full access for SYSTEM and Administrators, none for others; nothing is inherited. */
static int makePrivate(const wchar_t *folder) {
  SECURITY_ATTRIBUTES attributes = { sizeof attributes, NULL, FALSE };
  if (!ConvertStringSecurityDescriptorToSecurityDescriptorW(L"O:BAD:P(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)", SDDL_REVISION_1,
                                                           &attributes.lpSecurityDescriptor, NULL))
    return fail(L"the access list could not be made", 1);
  if (CreateDirectoryW(folder, &attributes)) return 0;
  if (GetLastError() != ERROR_ALREADY_EXISTS) return fail(L"the folder could not be made", 1);
  DWORD kind = GetFileAttributesW(folder);
  if (kind == INVALID_FILE_ATTRIBUTES || !(kind & FILE_ATTRIBUTE_DIRECTORY) || (kind & FILE_ATTRIBUTE_REPARSE_POINT)) {
    SetLastError(ERROR_DIRECTORY);
    return fail(L"it is a link, or no folder", 3);
  }
  if (!isOwnedByUs(folder)) {
    SetLastError(ERROR_INVALID_OWNER);
    return fail(L"it was made by somebody else", 3);
  }
  BOOL present = FALSE, defaulted = FALSE;
  PACL list = NULL;
  PSID owner = NULL;
  GetSecurityDescriptorOwner(attributes.lpSecurityDescriptor, &owner, &defaulted);
  GetSecurityDescriptorDacl(attributes.lpSecurityDescriptor, &present, &list, &defaulted);
  DWORD error = SetNamedSecurityInfoW((wchar_t *)folder, SE_FILE_OBJECT,
                                      OWNER_SECURITY_INFORMATION | DACL_SECURITY_INFORMATION | PROTECTED_DACL_SECURITY_INFORMATION,
                                      owner, NULL, list, NULL);
  SetLastError(error);
  return error ? fail(L"its access list could not be set", 1) : 0;
}

static int isElevated(void) {
  BYTE sid[SECURITY_MAX_SID_SIZE];
  DWORD size = sizeof sid;
  BOOL member = FALSE;
  if (!CreateWellKnownSid(WinBuiltinAdministratorsSid, NULL, sid, &size)) return 2;
  return CheckTokenMembership(NULL, sid, &member) && member ? 0 : 2;
}

/*
 * As in Program Files: full access for SYSTEM and Administrators, read access for everyone else. A moved file keeps its access
 * list, and installers move what they unpacked. The parent folders stay private, and nobody else can list them.
 */
static int makePublic(const wchar_t *folder) {
  /* Folders of an unelevated user keep the access list that the user gave them. */
  if (isElevated() != 0) return 0;
  PSECURITY_DESCRIPTOR descriptor = NULL;
  PACL list = NULL;
  BOOL present = FALSE, defaulted = FALSE;
  DWORD kind = GetFileAttributesW(folder);
  if (kind == INVALID_FILE_ATTRIBUTES || !(kind & FILE_ATTRIBUTE_DIRECTORY) || (kind & FILE_ATTRIBUTE_REPARSE_POINT)) {
    SetLastError(ERROR_DIRECTORY);
    return fail(L"it is a link, or no folder", 3);
  }
  if (!isOwnedByUs(folder)) {
    SetLastError(ERROR_INVALID_OWNER);
    return fail(L"it was made by somebody else", 3);
  }
  if (!ConvertStringSecurityDescriptorToSecurityDescriptorW(
          L"D:P(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)(A;OICI;0x1200a9;;;BU)(A;OICI;0x1200a9;;;AC)", SDDL_REVISION_1, &descriptor, NULL))
    return fail(L"the access list could not be made", 1);
  GetSecurityDescriptorDacl(descriptor, &present, &list, &defaulted);
  DWORD error = SetNamedSecurityInfoW((wchar_t *)folder, SE_FILE_OBJECT, DACL_SECURITY_INFORMATION | PROTECTED_DACL_SECURITY_INFORMATION,
                                      NULL, NULL, list, NULL);
  SetLastError(error);
  return error ? fail(L"its access list could not be set", 1) : 0;
}

/* ---- power and network ---------------------------------------------------------------------------------------- */

/* Prints a word and a line end. "unknown" does not keep the PC from working. */
static int say(const char *word) {
  printf("%s\n", word);
  return 0;
}

static int printPower(void) {
  SYSTEM_POWER_STATUS power;
  if (!GetSystemPowerStatus(&power)) return say("unknown");
  return say(power.ACLineStatus == 1 ? "ac" : power.ACLineStatus == 0 ? "battery" : "unknown");
}

/* Windows 8 and later; the cost of the machine's Internet connection. */
static int printMetered(void) {
  INetworkCostManager *manager = NULL;
  DWORD cost = NLM_CONNECTION_COST_UNKNOWN;
  const DWORD costly = NLM_CONNECTION_COST_FIXED | NLM_CONNECTION_COST_VARIABLE | NLM_CONNECTION_COST_OVERDATALIMIT | NLM_CONNECTION_COST_ROAMING;
  if (FAILED(CoInitializeEx(NULL, COINIT_MULTITHREADED))) return say("unknown");
  if (SUCCEEDED(CoCreateInstance(&CLSID_NetworkListManager, NULL, CLSCTX_ALL, &IID_INetworkCostManager, (void **)&manager))) {
    if (FAILED(INetworkCostManager_GetCost(manager, &cost, NULL))) cost = NLM_CONNECTION_COST_UNKNOWN;
    INetworkCostManager_Release(manager);
  }
  CoUninitialize();
  return say(cost & costly ? "metered" : cost & NLM_CONNECTION_COST_UNRESTRICTED ? "unmetered" : "unknown");
}

/* ---- the service ---------------------------------------------------------------------------------------------- */

static SERVICE_STATUS status;
static SERVICE_STATUS_HANDLE statusHandle;
static HANDLE stopEvent;
static wchar_t serviceName[256];

static void reportState(DWORD state, DWORD waitHintMs) {
  status.dwServiceType = SERVICE_WIN32_OWN_PROCESS;
  status.dwCurrentState = state;
  status.dwControlsAccepted = state == SERVICE_RUNNING ? SERVICE_ACCEPT_STOP | SERVICE_ACCEPT_SHUTDOWN : 0;
  status.dwWaitHint = waitHintMs;
  SetServiceStatus(statusHandle, &status);
}

static DWORD WINAPI control(DWORD code, DWORD type, LPVOID data, LPVOID context) {
  (void)type, (void)data, (void)context;
  if (code == SERVICE_CONTROL_STOP || code == SERVICE_CONTROL_SHUTDOWN) {
    reportState(SERVICE_STOP_PENDING, 15000);
    SetEvent(stopEvent);
    return NO_ERROR;
  }
  return code == SERVICE_CONTROL_INTERROGATE ? NO_ERROR : ERROR_CALL_NOT_IMPLEMENTED;
}

/* deployx-service.txt beside this executable; read at every start, so that an update needs no change of the service. */
static BOOL readCommand(wchar_t *folder, wchar_t *command) {
  static char bytes[COMMAND_LIMIT];
  wchar_t file[MAX_PATH + 32];
  if (!GetModuleFileNameW(NULL, folder, MAX_PATH)) return FALSE;
  wchar_t *slash = wcsrchr(folder, L'\\');
  if (!slash) return FALSE;
  *slash = 0;
  _snwprintf(file, MAX_PATH + 32, L"%ls\\deployx-service.txt", folder);
  HANDLE handle = CreateFileW(file, GENERIC_READ, FILE_SHARE_READ, NULL, OPEN_EXISTING, 0, NULL);
  if (handle == INVALID_HANDLE_VALUE) return FALSE;
  DWORD size = 0;
  BOOL ok = ReadFile(handle, bytes, COMMAND_LIMIT - 1, &size, NULL);
  CloseHandle(handle);
  while (size > 0 && (bytes[size - 1] == '\n' || bytes[size - 1] == '\r')) size--;
  if (!ok || size == 0) return FALSE;
  int length = MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, bytes, (int)size, command, COMMAND_LIMIT - 1);
  command[length] = 0;
  return length > 0;
}

/* ---- updates: the files of update/places.ts -------------------------------------------------------------------- */

static wchar_t agentFile[MAX_PATH + 64], previousFile[MAX_PATH + 64], failedFile[MAX_PATH + 64];
static wchar_t trialFile[MAX_PATH + 64], countFile[MAX_PATH + 64], verdictFile[MAX_PATH + 64];

static void nameFiles(const wchar_t *folder) {
  _snwprintf(agentFile, MAX_PATH + 63, L"%ls\\" AGENT_NAME, folder);
  _snwprintf(previousFile, MAX_PATH + 63, L"%ls\\" AGENT_NAME L".previous", folder);
  _snwprintf(failedFile, MAX_PATH + 63, L"%ls\\" AGENT_NAME L".failed", folder);
  _snwprintf(trialFile, MAX_PATH + 63, L"%ls\\update-trial", folder);
  _snwprintf(countFile, MAX_PATH + 63, L"%ls\\update-trial.tmp", folder);
  _snwprintf(verdictFile, MAX_PATH + 63, L"%ls\\update-taken-back", folder);
}

static BOOL fileExists(const wchar_t *file) {
  return GetFileAttributesW(file) != INVALID_FILE_ATTRIBUTES;
}

static BOOL writeText(const wchar_t *file, const char *text) {
  DWORD written = 0;
  HANDLE handle = CreateFileW(file, GENERIC_WRITE, 0, NULL, CREATE_ALWAYS, FILE_ATTRIBUTE_NORMAL, NULL);
  if (handle == INVALID_HANDLE_VALUE) return FALSE;
  BOOL ok = WriteFile(handle, text, (DWORD)strlen(text), &written, NULL) && written == strlen(text);
  ok = FlushFileBuffers(handle) && ok;
  CloseHandle(handle);
  return ok;
}

static BOOL moveOver(const wchar_t *from, const wchar_t *to) {
  return MoveFileExW(from, to, MOVEFILE_REPLACE_EXISTING | MOVEFILE_WRITE_THROUGH);
}

/* If interrupted, leaves an executable that starts, or a previous one that the next call restores. */
static void rollBack(const char *why) {
  if (fileExists(previousFile)) {
    /* Its program may still run in some process: then the file cannot be replaced, but it can be renamed. */
    if (fileExists(agentFile)) moveOver(agentFile, failedFile);
    if (!moveOver(previousFile, agentFile)) {
      if (!fileExists(agentFile)) moveOver(failedFile, agentFile);
      return;
    }
  }
  writeText(verdictFile, why);
  DeleteFileW(trialFile);
}

/* Counts this start. An unreadable count was lost in a power cut: then counting starts again at zero. */
static BOOL countStart(void) {
  char text[16] = { 0 };
  DWORD size = 0;
  unsigned long starts = 0;
  HANDLE handle = CreateFileW(trialFile, GENERIC_READ, FILE_SHARE_READ, NULL, OPEN_EXISTING, 0, NULL);
  if (handle != INVALID_HANDLE_VALUE) {
    if (ReadFile(handle, text, sizeof text - 1, &size, NULL) && text[0] >= '0' && text[0] <= '9') starts = strtoul(text, NULL, 10);
    CloseHandle(handle);
  }
  if (starts >= STARTS_LIMIT) return FALSE;
  _snprintf(text, sizeof text - 1, "%lu\n", starts + 1);
  /* Without a count (a full disk) the trial would never end. */
  return writeText(countFile, text) && moveOver(countFile, trialFile);
}

/* Called before each start. Returns whether the executable is on trial. */
static BOOL prepare(void) {
  if (!fileExists(agentFile) && fileExists(previousFile)) moveOver(previousFile, agentFile);
  if (!fileExists(trialFile)) return FALSE;
  if (fileExists(previousFile) && countStart()) return TRUE;
  rollBack("starts\n");
  return FALSE;
}

/* Waits until the process ends, or ends it when the service stops or the trial takes too long. */
static void attend(HANDLE process, BOOL onTrial) {
  HANDLE either[2] = { stopEvent, process };
  ULONGLONG begun = GetTickCount64();
  BOOL late = FALSE;
  DWORD woken;
  do {
    woken = WaitForMultipleObjects(2, either, FALSE, onTrial ? 1000 : INFINITE);
    if (woken != WAIT_TIMEOUT) break;
    onTrial = fileExists(trialFile);
    late = onTrial && GetTickCount64() - begun >= LINK_LIMIT_MS;
  } while (!late);
  if (woken == WAIT_OBJECT_0 || late) {
    /* The agent can be killed at any moment; a running installer has its own supervisor and continues. */
    TerminateProcess(process, 1);
    WaitForSingleObject(process, 10000);
  }
  if (late) rollBack("link\n");
}

static void runOnce(wchar_t *folder, wchar_t *command, BOOL onTrial) {
  STARTUPINFOW start;
  PROCESS_INFORMATION process;
  SECURITY_ATTRIBUTES inherited = { sizeof inherited, NULL, TRUE };
  /* The program writes its own log; it only needs valid output handles. */
  HANDLE nowhere = CreateFileW(L"NUL", GENERIC_READ | GENERIC_WRITE, FILE_SHARE_READ | FILE_SHARE_WRITE, &inherited, OPEN_EXISTING, 0, NULL);
  ZeroMemory(&start, sizeof start);
  start.cb = sizeof start;
  start.dwFlags = STARTF_USESTDHANDLES;
  start.hStdInput = start.hStdOutput = start.hStdError = nowhere;
  BOOL ok = CreateProcessW(NULL, command, NULL, NULL, TRUE, CREATE_NO_WINDOW, NULL, folder, &start, &process);
  CloseHandle(nowhere);
  if (!ok) return;
  attend(process.hProcess, onTrial);
  CloseHandle(process.hThread);
  CloseHandle(process.hProcess);
}

static void WINAPI serviceMain(DWORD count, LPWSTR *words) {
  (void)count, (void)words;
  static wchar_t command[COMMAND_LIMIT];
  wchar_t folder[MAX_PATH];
  statusHandle = RegisterServiceCtrlHandlerExW(serviceName, control, NULL);
  if (!statusHandle) return;
  stopEvent = CreateEventW(NULL, TRUE, FALSE, NULL);
  SetEnvironmentVariableW(L"DEPLOYX_UPDATE_GUARD", L"1");
  reportState(SERVICE_RUNNING, 0);
  DWORD pauseMs = RESTART_MIN_MS;
  do {
    ULONGLONG begun = GetTickCount64();
    if (readCommand(folder, command)) {
      nameFiles(folder);
      BOOL onTrial = prepare();
      runOnce(folder, command, onTrial);
      /* The next start is a different program from the one that did not keep running. */
      if (onTrial || fileExists(trialFile)) pauseMs = RESTART_MIN_MS;
    }
    if (GetTickCount64() - begun >= STEADY_MS) pauseMs = RESTART_MIN_MS;
    if (WaitForSingleObject(stopEvent, pauseMs) == WAIT_OBJECT_0) break;
    pauseMs = pauseMs * 2 > RESTART_MAX_MS ? RESTART_MAX_MS : pauseMs * 2;
  } while (TRUE);
  reportState(SERVICE_STOPPED, 0);
}

static int serve(const wchar_t *name) {
  wcsncpy(serviceName, name, 255);
  SERVICE_TABLE_ENTRYW table[] = { { serviceName, serviceMain }, { NULL, NULL } };
  return StartServiceCtrlDispatcherW(table) ? 0 : fail(L"only the service manager can start this", 1);
}

int wmain(int count, wchar_t **words) {
  /* Load libraries only from Windows' own folder, never from beside this file or from the current folder. */
  if (!SetDefaultDllDirectories(LOAD_LIBRARY_SEARCH_SYSTEM32)) return fail(L"the search for libraries could not be limited", 1);
  if (count == 2 && !wcscmp(words[1], L"elevated")) return isElevated();
  if (count == 2 && !wcscmp(words[1], L"power")) return printPower();
  if (count == 2 && !wcscmp(words[1], L"metered")) return printMetered();
  if (count >= 3) {
    if (count >= 4 && !wcscmp(words[1], L"job")) return runJob(words[2], words[3], FALSE);
    if (count >= 4 && !wcscmp(words[1], L"job-all")) return runJob(words[2], words[3], TRUE);
    if (count == 5 && !wcscmp(words[1], L"keep"))
      return keep((HANDLE)(ULONG_PTR)wcstoull(words[3], NULL, 10), (HANDLE)(ULONG_PTR)wcstoull(words[4], NULL, 10));
    if (!wcscmp(words[1], L"busy")) return isBusy(words[2]);
    if (!wcscmp(words[1], L"public")) return makePublic(words[2]);
    if (!wcscmp(words[1], L"kill")) return killJob(words[2]);
    if (!wcscmp(words[1], L"started")) return printStart(words[2]);
    if (!wcscmp(words[1], L"private")) return makePrivate(words[2]);
    if (!wcscmp(words[1], L"service")) return serve(words[2]);
  }
  fwprintf(stderr, L"This program belongs to the DeployX agent and is not started by people.\n");
  return 2;
}
